"""The serial console as a person sees it: our terminal joined to the machine's socket."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charly_vm.errors import StateError

DETACH = b"\x1d"
"""Ctrl-], as in virsh and telnet."""


def attach_console(path: Path) -> None:
    """Copy between our terminal and the console until Ctrl-] or the machine's end.

    Without a terminal what the console says is shown all the same, after our input's end as well.

    Raises `StateError` where the machine has no console to attach to, that is, does not run.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as console:
        try:
            console.connect(str(path))
        except OSError as error:
            raise StateError(
                f"there is no console at {path}: {error.strerror}",
                hint="the machine has to run: `charly vm list -a` shows whether it does",
            ) from error
        with _raw_terminal() as is_terminal:
            end = "Ctrl-] detaches\r" if is_terminal else "until the machine ends"
            print(f"attached; {end}", file=sys.stderr, flush=True)
            # A machine that is powered off may close its end while we write to it.
            with contextlib.suppress(ConnectionError):
                _copy(console, is_terminal=is_terminal)


def _copy(console: socket.socket, *, is_terminal: bool) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(console, selectors.EVENT_READ)
        source = sys.stdin.fileno()
        # epoll refuses regular files and /dev/null, which have nothing more to say anyway.
        with contextlib.suppress(PermissionError):
            selector.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is console:
                    data = console.recv(65536)
                    if not data:
                        return
                    _show(data)
                    continue
                typed = os.read(source, 4096)
                if not typed:
                    selector.unregister(source)
                    continue
                if is_terminal and DETACH in typed:
                    return
                console.sendall(typed)


def _show(data: bytes) -> None:
    try:
        os.write(sys.stdout.fileno(), data)
    except BrokenPipeError:
        # Whoever read our output has seen enough; this is not the machine's end of the line.
        raise SystemExit(0) from None


@contextmanager
def _raw_terminal() -> Iterator[bool]:
    """Hand every key to the guest, and leave the terminal as it was found."""
    import termios
    import tty

    source = sys.stdin.fileno()
    if not os.isatty(source):
        yield False
        return
    before = termios.tcgetattr(source)
    try:
        tty.setraw(source)
        yield True
    finally:
        termios.tcsetattr(source, termios.TCSADRAIN, before)
        print("\r", file=sys.stderr)
