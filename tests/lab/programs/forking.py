#!/usr/bin/python3
"""In the lab: forks commands of charly's from a process that has imported all of it.

The emulated host takes ten seconds to import charly and a hundredth of one to fork. Whatever a
command does then, it does as a process of its own, with the account, words, directory, environment,
limits, umask and streams of whoever asks for it. What it starts in turn starts from nothing, such
as the helper.
"""

from __future__ import annotations

import array
import gc
import importlib
import marshal
import os
import pwd
import resource
import select
import signal
import socket
import struct
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

from charly_vm.cli import main as charly
from charly_vm.model.project import load_project

USED = (
    "charly_vm.cli.claim",
    "charly_vm.cli.gpu",
    "charly_vm.gpu.executor",
    "charly_vm.gpu.status",
    "charly_vm.machine.arbitration",
    "charly_vm.machine.bed",
)
"""What the commands of the tests import."""
SOCKET = "/run/lab-forks.sock"


def serve() -> None:
    """Fork a command for each of those who connect."""
    _warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(SOCKET)
        Path(SOCKET).chmod(0o666)
        listener.listen()
        while True:
            client, _ = listener.accept()
            with client:
                if os.fork() == 0:
                    listener.close()
                    _exit_with(partial(_attend, client))


def _warm_up() -> None:
    for module in USED:
        importlib.import_module(module)
    # Models are built when the first project is read.
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "charly.yml"
        file.write_text("token: {resource: {gpu: {vendor: '0x1234'}}}\n")
        load_project(file)
    gc.freeze()


def _attend(client: socket.socket) -> int:
    """Run one command, and kill it where who asked for it is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, rights, _, _ = client.recvmsg(4, socket.CMSG_SPACE(12))
    streams = array.array("i")
    streams.frombytes(rights[0][2])
    order = b""
    while len(order) < int.from_bytes(size, "big"):
        order += client.recv(65536)
    command = os.fork()
    if command == 0:
        _exit_with(partial(_become, client, order, list(streams)))
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(command)
    readable, _, _ = select.select([ended, client.fileno()], [], [])
    if ended not in readable:
        os.kill(command, signal.SIGKILL)
    _, status = os.waitpid(command, 0)
    code = os.waitstatus_to_exitcode(status)
    client.send(bytes([code if code >= 0 else 128 - code]))
    return 0


def _become(client: socket.socket, order: bytes, streams: list[int]) -> int:
    words, directory, environment, limits, umask = marshal.loads(order)
    _, uid, gid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    client.close()
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    for number, limit in limits.items():
        resource.setrlimit(number, limit)
    os.umask(umask)
    # The way to a directory may be closed to the account that is in it.
    os.chdir(directory)
    os.initgroups(pwd.getpwuid(uid).pw_name, gid)
    os.setgid(gid)
    os.setuid(uid)
    os.environ.clear()
    os.environ.update(environment)
    program, *rest = words
    if Path(program).name == "charly":
        sys.argv = words
        charly()
    code, *sys.argv[1:] = rest
    exec(compile(code, "<lab>", "exec"), {"__name__": "__main__"})
    return 0


def _exit_with(work: Callable[[], int]) -> NoReturn:
    status = 1
    try:
        status = work()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1 if end.code else 0
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


if __name__ == "__main__":
    serve()
