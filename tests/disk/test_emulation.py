"""Programs of another architecture: who runs them, and what is said where nobody does."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from charly_vm.disk import emulation
from charly_vm.disk.emulation import emulated, render_registration
from charly_vm.disk.sandbox import sandboxed
from charly_vm.errors import HostError
from charly_vm.host.process import run

FOREIGN = "aarch64" if platform.machine() != "aarch64" else "x86_64"

REGISTERED = """\
enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: {flags}
offset 0
magic 7f454c460201010000000000000000000200b700
"""


def elf_header(architecture: str) -> bytes:
    """A program's first bytes, as a compiler for it writes them."""
    machine = emulation.ELF_MACHINES[architecture].to_bytes(2, "little")
    return b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00" + machine + bytes(44)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel that knows nothing yet."""
    monkeypatch.setattr(emulation, "REGISTRY", tmp_path / "binfmt_misc")
    (tmp_path / "binfmt_misc").mkdir()
    return tmp_path / "binfmt_misc"


@pytest.fixture
def no_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulation, "find_tool", lambda name: None)


@pytest.mark.usefixtures("registry", "no_interpreter")
def test_the_hosts_own_programs_need_nothing() -> None:
    assert emulated(["true"], platform.machine()) == ["true"]


@pytest.mark.usefixtures("no_interpreter")
def test_what_the_whole_host_runs_needs_nothing_more(registry: Path) -> None:
    (registry / f"qemu-{FOREIGN}").write_text(REGISTERED.format(flags="OPF"))
    assert emulated(["true"], FOREIGN) == ["true"]


@pytest.mark.usefixtures("no_interpreter")
@pytest.mark.parametrize(
    "said", [REGISTERED.format(flags="OC"), REGISTERED.format(flags="F").replace("en", "dis", 1)]
)
def test_what_works_outside_a_new_root_alone_does_not_count(registry: Path, said: str) -> None:
    (registry / f"qemu-{FOREIGN}").write_text(said)
    with pytest.raises(HostError, match=f"qemu-{FOREIGN}-static is not installed") as caught:
        emulated(["true"], FOREIGN)
    assert "qemu-user-static" in caught.value.hint


@pytest.mark.usefixtures("registry")
def test_root_registers_nothing_for_the_whole_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulation, "find_tool", lambda name: Path("/usr/bin", name))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(HostError, match="root's sandbox has no user namespace"):
        emulated(["true"], FOREIGN)


def test_a_registration_matches_programs_and_libraries_of_its_architecture_alone() -> None:
    _, name, kind, offset, magic, mask, interpreter, flags = render_registration(
        FOREIGN, Path("/usr/bin/qemu")
    ).split(":")
    assert (name, kind, offset, interpreter) == (f"qemu-{FOREIGN}", "M", "", "/usr/bin/qemu")
    assert flags == "CF"
    magic_bytes, mask_bytes = (bytes.fromhex(text.replace("\\x", "")) for text in (magic, mask))

    def matches(header: bytes) -> bool:
        """As the kernel compares; admin-guide/binfmt-misc.rst."""
        pairs = zip(header, magic_bytes, mask_bytes, strict=False)
        return all((byte ^ wanted) & care == 0 for byte, wanted, care in pairs)

    program = elf_header(FOREIGN)
    assert matches(program)
    assert matches(program[:16] + b"\x03" + program[17:])
    assert not matches(program[:16] + b"\x01" + program[17:])
    for other in emulation.ELF_MACHINES:
        assert matches(elf_header(other)) == (other == FOREIGN)


@pytest.mark.session
def test_an_ordinary_users_sandbox_has_an_interpreter_of_its_own_where_the_kernel_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A shell that says what it was given, in the place of QEMU.
    interpreter, program = tmp_path / "interpreter", tmp_path / "program"
    interpreter.write_bytes(Path("/bin/echo").read_bytes())
    program.write_bytes(elf_header(FOREIGN))
    for path in (interpreter, program):
        path.chmod(0o755)
    monkeypatch.setattr(emulation, "find_tool", lambda name: interpreter)
    release = tuple(int(part) for part in platform.release().split(".")[:2])
    if release < (6, 7):
        with pytest.raises(HostError, match=r"before Linux 6\.7"):
            emulated([program, "word"], FOREIGN)
        return
    done = run(sandboxed(emulated([program, "word"], FOREIGN)), timeout=20)
    assert done.stdout == f"{program} word\n"
    assert not (emulation.REGISTRY / f"qemu-{FOREIGN}").exists()
