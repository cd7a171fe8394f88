"""QEMU command lines: golden files, each of which the real QEMU accepts."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from machines import MACHINES, PLAIN

from charly_vm.host.process import find_tool, require_tool, run
from charly_vm.model.resolved import Paths
from charly_vm.render.qemu_argv import pass_sockets, render_argv

Golden = Callable[[str, str], Path]


@pytest.mark.parametrize("name", MACHINES)
def test_each_kind_of_machine_renders_as_its_golden_command(name: str, golden: Golden) -> None:
    words = [shlex.quote(word) for word in render_argv(MACHINES[name])]
    golden(f"{name}.argv", "\n".join(words) + "\n")


def test_listening_sockets_take_the_place_of_their_paths() -> None:
    paths = PLAIN.paths
    words = pass_sockets(render_argv(PLAIN), {paths.monitor_socket: 7, paths.console_socket: 9})
    text = "\n".join(words)
    assert "socket,id=charly-monitor,fd=7,server=on,wait=off" in words
    assert f"socket,id=console,fd=9,server=on,wait=off,logfile={paths.console_log}" in text
    assert f"path={paths.agent_socket}" in text


def test_a_path_with_commas_is_found_again() -> None:
    machine = MACHINES["awkward-paths"]
    words = pass_sockets(render_argv(machine), {machine.paths.agent_socket: 5})
    assert "socket,id=agent,fd=5,server=on,wait=off" in words


def test_a_socket_that_the_command_does_not_listen_on_is_refused() -> None:
    with pytest.raises(ValueError, match="does not listen"):
        pass_sockets(render_argv(PLAIN), {Path("/run/other.sock"): 3})


@pytest.mark.parametrize("name", [name for name in MACHINES if name != "kvm"])
def test_qemu_accepts_the_command(name: str, tmp_path: Path) -> None:
    emulator = find_tool("qemu-system-x86_64")
    if emulator is None:
        pytest.skip("qemu-system-x86_64 is not installed")
    machine = replace(
        MACHINES[name],
        emulator=str(emulator),
        ram=64 * 1024**2,
        ssh_port=0,  # any free one
        paths=Paths(directory=tmp_path / "d, 1", runtime=tmp_path / "r,1"),
    )
    machine.paths.directory.mkdir()
    machine.paths.runtime.mkdir()
    qemu_img = require_tool("qemu-img", package="qemu-utils")
    run([qemu_img, "create", "-q", "-f", "qcow2", machine.paths.overlay, "1M"], timeout=20)
    machine.paths.seed.write_bytes(bytes(2048))
    words = render_argv(machine)
    # Stopped, and told to quit on a monitor of the test's own.
    done = run(
        [*words, "-S", "-chardev", "stdio,id=test", "-mon", "chardev=test,mode=control"],
        timeout=20,
        stdin='{"execute": "qmp_capabilities"} {"execute": "query-status"} {"execute": "quit"}\n',
    )
    assert '"status": "prelaunch"' in done.stdout
    assert done.stderr == ""
