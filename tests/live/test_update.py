"""`charly update`, `vm build` with options and forwarded ports, on the tiny guest."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import pytest
from workspace import Workspace, workspace

from charly_vm.disk.qcow2 import inspect_image

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def here(tiny_image: Path) -> Iterator[Workspace]:
    with workspace(tiny_image, "qemu") as made:
        made.project.write_text(
            made.project.read_text().replace(
                "    ssh: {port_auto: true, user: tester}\n",
                '    network: {port_forwards: ["auto:22"]}\n'
                "    ssh: {port_auto: true, user: tester, key_source: generate}\n",
            )
        )
        yield made


def shown(here: Workspace, name: str) -> dict[str, object]:
    machine: dict[str, object] = json.loads(here.charly("vm", "show", name, "--json").stdout)[
        "machine"
    ]
    return machine


def in_guest(here: Workspace, name: str, command: str) -> str:
    done = here.charly("vm", "ssh", name, "--", command)
    assert done.status == 0, done.stderr
    return done.stdout.strip()


def ok(here: Workspace, *words: str) -> str:
    done = here.charly(*words)
    assert done.status == 0, done.stderr
    return done.stdout + done.stderr


def _is(opened: BinaryIO, path: Path) -> bool:
    """Whether a path still leads to a file. While that is open nothing else gets its number."""
    return os.path.samestat(os.fstat(opened.fileno()), path.stat())


@pytest.mark.timeout(300)
def test_a_machine_is_updated_to_what_its_file_says_and_keeps_its_disk(here: Workspace) -> None:
    ok(here, "vm", "create", "tiny", "--wait")
    try:
        forward = re.search(r"hostfwd=tcp:127.0.0.1:(\d+)-:22,hostfwd=tcp:127.0.0.1:(\d+)-:22",
                            ok(here, "vm", "show", "tiny"))  # fmt: skip
        assert forward is not None
        for port in forward.groups():
            with socket.create_connection(("127.0.0.1", int(port)), 10) as client:
                assert client.recv(100).startswith(b"SSH-2.0-")
        in_guest(here, "tiny", "echo mine >/disk/mark; sync")
        key = (here.machines / "charly-tiny/id_ed25519").read_text()
        here.project.write_text(here.project.read_text().replace("ram: 256M", "ram: 200M"))
        said = ok(here, "update", "tiny", "--wait")
        assert "charly-tiny is neither disposable nor ephemeral; its disk is kept" in said
        assert "the guest shut down" in said
        assert in_guest(here, "tiny", "cat /disk/mark") == "mine"
        assert shown(here, "tiny")["ram"] == 200 * 1024**2
        assert (here.machines / "charly-tiny/id_ed25519").read_text() == key
        overlay = here.machines / "charly-tiny/disk.qcow2"
        with overlay.open("rb") as kept:
            assert "its disk is made anew (--build)" in ok(here, "update", "tiny", "--build")
            assert not _is(kept, overlay)
    finally:
        ok(here, "vm", "destroy", "tiny", "--disk")


@pytest.mark.timeout(300)
def test_a_disposable_machine_is_updated_with_a_fresh_disk_and_its_keys_and_instance_stay(
    here: Workspace,
) -> None:
    ok(here, "vm", "create", "check-tiny")
    directory = here.machines / "charly-check-tiny"
    files = {name: directory / name for name in ("disk.qcow2", "id_ed25519", "instance.yml")}
    try:
        files["instance.yml"].write_text("note: of this host\n")
        with ExitStack() as stack:
            before = {name: stack.enter_context(file.open("rb")) for name, file in files.items()}
            assert "neither" not in ok(here, "update", "check-tiny")
            changed = [name for name, file in files.items() if not _is(before[name], file)]
            assert changed == ["disk.qcow2"]
    finally:
        ok(here, "vm", "destroy", "check-tiny", "--disk")
    assert not directory.exists()


def test_a_disk_is_built_larger_and_the_next_machine_has_it(
    here: Workspace, tiny_image: Path
) -> None:
    ok(here, "vm", "build", "tiny", "--size", "200M", "--source", str(tiny_image))
    link = here.directory / "output/qcow2/tiny/disk.qcow2"
    assert inspect_image(link).virtual_size == 200 * 1024**2
    try:
        said = ok(here, "vm", "create", "tiny")
        assert f"built with --size 200M --source {tiny_image}" in said
        overlay = here.machines / "charly-tiny/disk.qcow2"
        assert inspect_image(overlay).virtual_size == 200 * 1024**2
    finally:
        ok(here, "vm", "destroy", "tiny", "--disk")
    ok(here, "vm", "build", "tiny")
    assert inspect_image(link).virtual_size == inspect_image(tiny_image).virtual_size


def test_a_raw_disk_is_written_beside_the_other(here: Workspace, tiny_image: Path) -> None:
    path = Path(ok(here, "vm", "build", "tiny", "--type", "raw").splitlines()[0])
    assert path == here.directory / "output/raw/tiny/disk.raw"
    assert path.stat().st_size == inspect_image(tiny_image).virtual_size
    assert path.read_bytes()[510:512] == b"\x55\xaa"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--type", "iso"), "use qcow2 or raw"),
        (("--root-size", "2G"), "--root-size has no meaning for a disk of kind cloud_image"),
        (("--transport", "oci"), "--transport has no meaning"),
        (("--console",), "--console has no meaning"),
        (("--size", "1M"), "cannot hold the image"),
        (("--source", "/no/such/file"), "/no/such/file"),
    ],
)
def test_what_a_build_cannot_do_is_one_message(
    here: Workspace, words: tuple[str, ...], message: str
) -> None:
    done = here.charly("vm", "build", "tiny", *words)
    assert done.status == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
