"""What goes wrong on a host is one clear message, no traceback, and nothing left behind."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from workspace import Workspace, workspace

from charly_vm.host.process import Completed, run

pytestmark = pytest.mark.live


def message_of(done: Completed) -> str:
    """The message of a command that failed as it should."""
    assert done.status == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("charly: ") == 1
    return done.stderr


def on_small_disk(here: Workspace, directory: str, size: str, *words: str) -> Completed:
    """`charly`, with one of its directories on a file system of that size, seen by it alone."""
    mount = f"mount -t tmpfs -o size={size} none {here.environment[directory]}"
    Path(here.environment[directory]).mkdir(exist_ok=True)
    user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    script = f'{mount} && "$@"; status=$?; find {here.environment[directory]}; exit $status'
    return run(
        ["unshare", *user, "--mount", "sh", "-c", script, "sh", *here.argv(*words)],
        timeout=60,
        check=False,
        env=here.environment,
        cwd=here.directory,
    )


def test_a_full_disk_stops_a_download_and_keeps_nothing_of_it(here: Workspace) -> None:
    done = on_small_disk(here, "XDG_CACHE_HOME", "4m", "vm", "build", "tiny")
    message = message_of(done)
    assert "No space left on device" in message
    assert "free some room" in message
    assert "qcow2" not in done.stdout
    assert here.charly("vm", "build", "tiny").status == 0


def test_a_full_disk_stops_a_create_and_nothing_is_left(here: Workspace) -> None:
    assert here.charly("vm", "build", "tiny").status == 0
    done = on_small_disk(here, "XDG_DATA_HOME", "64k", "vm", "create", "tiny")
    message = message_of(done)
    assert "No space left on device" in message or "no room" in message
    assert "charly-tiny/" not in done.stdout
    assert here.emulators() == []


@pytest.mark.parametrize(
    ("entity", "words", "tool"),
    [
        ("tiny", ("vm", "build"), "qemu-img"),
        ("tiny", ("vm", "create"), "qemu-img"),
        ("bootstrapped", ("vm", "build"), "mmdebstrap"),
    ],
)
def test_a_missing_program_is_named_with_its_package(
    here: Workspace, entity: str, words: tuple[str, ...], tool: str
) -> None:
    text = here.project.read_text() + "bootstrapped: {vm: {source: {kind: bootstrap}}}\n"
    here.project.write_text(text)
    message = message_of(here.charly(*words, entity, PATH="/nonexistent"))
    assert tool in message
    assert "install" in message


def test_without_an_emulator_the_doctor_fails_and_create_says_what_to_install(
    here: Workspace,
) -> None:
    assert here.charly("vm", "build", "tiny").status == 0
    message = message_of(here.charly("vm", "create", "tiny", PATH="/nonexistent"))
    assert "qemu-system-x86_64 is not installed" in message
    assert "install qemu-system-x86" in message
    doctor = here.charly("doctor", PATH="/nonexistent")
    assert doctor.status == 1
    assert "not found" in doctor.stdout


def test_an_image_that_is_damaged_is_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.qcow2"
    damaged.write_bytes(b"QFI\xfb" + bytes(range(256)) * 16)
    with workspace(damaged, "qemu") as here:
        message = message_of(here.charly("vm", "create", "tiny"))
        assert "is not a usable disk image" in message
        assert here.is_clean()


def test_an_image_that_is_not_there_is_named(here: Workspace) -> None:
    text = here.project.read_text().replace(".qcow2", ".nothing")
    here.project.write_text(text)
    assert "No such file" in message_of(here.charly("vm", "create", "tiny"))
    assert here.is_clean()


def test_an_image_with_another_checksum_is_refused_and_not_kept(here: Workspace) -> None:
    text = here.project.read_text()
    digest = text.split("value: ")[1][:64]
    here.project.write_text(text.replace(digest, "0" * 64))
    message = message_of(here.charly("vm", "create", "tiny"))
    assert f"expected sha256 {'0' * 64}, found {digest}" in message
    assert not list((here.directory / "cache").rglob("*.qcow2"))


def test_a_base_that_has_gone_is_named(here: Workspace) -> None:
    assert here.charly("vm", "create", "tiny").status == 0
    assert here.charly("vm", "stop", "tiny", "--force").status == 0
    for image in (here.directory / "cache").rglob("*.qcow2"):
        image.unlink()
    message = message_of(here.charly("vm", "start", "tiny"))
    assert "does not exist" in message
    assert here.charly("vm", "destroy", "tiny", "--disk").status == 0


def test_more_memory_than_the_host_has_is_refused_before_anything_is_made(
    here: Workspace,
) -> None:
    message = message_of(here.charly("vm", "create", "tiny", "--ram", "900T"))
    assert "wants 900T of RAM and this host has" in message
    assert here.is_clean()


def test_a_disk_that_no_record_knows_is_neither_booted_nor_overwritten(here: Workspace) -> None:
    stray = here.machines / "charly-tiny" / "disk.qcow2"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"somebody's")
    message = message_of(here.charly("vm", "create", "tiny"))
    assert f"{stray} is there, and no record says whose it is" in message
    assert "no record says whose it is" in here.charly("vm", "prune").stderr
    assert stray.read_bytes() == b"somebody's"
    shutil.rmtree(stray.parent)


def test_a_disk_that_was_kept_does_not_boot_on_another_architecture(here: Workspace) -> None:
    assert here.charly("vm", "create", "tiny").status == 0
    assert here.charly("vm", "destroy", "tiny").status == 0
    text = here.project.read_text()
    here.project.write_text(text.replace("    cpu: 1\n", "    cpu: 1\n    arch: aarch64\n"))
    message = message_of(here.charly("vm", "create", "tiny"))
    assert "kept is for x86_64, and the machine would be aarch64" in message
    assert "charly vm destroy tiny --disk" in message
    assert here.charly("vm", "destroy", "tiny", "--disk").status == 0
    assert here.is_clean()
