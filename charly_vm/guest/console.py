"""The serial console as a person sees it: our terminal joined to the machine's socket.

A serial line carries bytes and nothing else: it cannot say how large a terminal is. So the size
is typed into the guest, as a command, and only where that is asked for: whatever reads the console
at that moment gets it, be it a shell or a login prompt.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charly_vm.errors import LeaseUnavailable, StateError
from charly_vm.guest.terminal_state import TerminalState
from charly_vm.host.control_keys import describe_control_key
from charly_vm.host.locks import try_hold

DETACH = b"\x1d"
"""Ctrl-], as in virsh and telnet."""

ENDINGS = (signal.SIGTERM, signal.SIGHUP)
"""What would end us without a chance to put the terminal right."""


def attach_console(path: Path, *, detach: bytes = DETACH, resize: bool = False) -> None:
    """Copy between our terminal and the console until the detach key or the machine's end.

    With `resize` the terminal's size is typed into the guest as `stty rows … cols …`, now and
    whenever it changes. Without a terminal what the console says is shown all the same, after our
    input's end as well. However this ends, except by SIGKILL, the terminal is left as it was.

    Raises `StateError` where the machine has no console to attach to, that is, does not run, and
    `LeaseUnavailable` where somebody else is attached.
    """
    with contextlib.ExitStack() as stack:
        console = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        if path.parent.is_dir():
            # QEMU serves one client at a time, and the next one would wait without a word.
            alone = try_hold(path.with_suffix(".lock"))
            if alone is None:
                raise LeaseUnavailable(
                    f"somebody else is attached to the console {path}", holder="another process"
                )
            stack.enter_context(alone)
        try:
            console.connect(str(path))
        except OSError as error:
            raise StateError(
                f"there is no console at {path}: {error.strerror}",
                hint="the machine has to run: `charly vm list -a` shows whether it does",
            ) from error
        terminal = stack.enter_context(_raw_terminal())
        ends = "until the machine ends"
        if terminal is not None:
            ends = f"{describe_control_key(detach)} detaches\r"
        print(f"attached; {ends}", file=sys.stderr, flush=True)
        # A machine that is powered off may close its end while we write to it.
        stack.enter_context(contextlib.suppress(ConnectionError))
        with _Attachment(console, terminal, detach, resize=resize) as attachment:
            attachment.copy()


class _Attachment:
    """The copying, and the sources that it waits for."""

    def __init__(
        self,
        console: socket.socket,
        terminal: TerminalState | None,
        detach: bytes,
        *,
        resize: bool,
    ) -> None:
        self.console = console
        self.terminal = terminal
        self.detach = detach
        self.resize = resize and terminal is not None
        self.source = sys.stdin.fileno()

    def __enter__(self) -> _Attachment:
        self._stack = contextlib.ExitStack()
        self._selector = self._stack.enter_context(selectors.DefaultSelector())
        self._selector.register(self.console, selectors.EVENT_READ)
        # epoll refuses regular files and /dev/null, which have nothing more to say anyway.
        with contextlib.suppress(PermissionError):
            self._selector.register(self.source, selectors.EVENT_READ)
        if self.resize:
            self._resized = self._stack.enter_context(_size_changes())
            self._selector.register(self._resized, selectors.EVENT_READ)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def copy(self) -> None:
        if self.resize:
            self._type_size()
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self.console:
                    more = self._show()
                elif key.fileobj == self.source:
                    more = self._type()
                else:
                    self._resized.recv(4096)
                    more = self._type_size()
                if not more:
                    return

    def _show(self) -> bool:
        data = self.console.recv(65536)
        if not data:
            return False
        output = sys.stdout.fileno()
        if self.terminal is not None and os.isatty(output):
            self.terminal.watch(data)
        try:
            while data:
                data = data[os.write(output, data) :]
        except BrokenPipeError:
            # Whoever read our output has seen enough; this is not the machine's end of the line.
            raise SystemExit(0) from None
        return True

    def _type(self) -> bool:
        typed = os.read(self.source, 4096)
        if not typed:
            self._selector.unregister(self.source)
            return True
        if self.terminal is None:
            self.console.sendall(typed)
            return True
        before, found, _ = typed.partition(self.detach)
        self.console.sendall(before)
        return not found

    def _type_size(self) -> bool:
        size = os.get_terminal_size(self.source)
        self.console.sendall(f"stty rows {size.lines} cols {size.columns}\r".encode())
        return True


@contextmanager
def _size_changes() -> Iterator[socket.socket]:
    """A socket that can be read when the terminal has another size."""
    readable, written = socket.socketpair()
    with readable, written:
        readable.setblocking(False)
        written.setblocking(False)
        # The handler does nothing: its signal's number arrives at the socket.
        handler = signal.signal(signal.SIGWINCH, lambda *_: None)
        descriptor = signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
        try:
            yield readable
        finally:
            signal.set_wakeup_fd(descriptor)
            signal.signal(signal.SIGWINCH, handler)


@contextmanager
def _raw_terminal() -> Iterator[TerminalState | None]:
    """Hand every key to the guest, and leave the terminal as it was found."""
    import termios
    import tty

    source = sys.stdin.fileno()
    if not os.isatty(source):
        yield None
        return
    before = termios.tcgetattr(source)
    state = TerminalState()
    with _ended_politely():
        try:
            # At once: a terminal that takes no output must not hold us up, nor at the end.
            tty.setraw(source, termios.TCSANOW)
            yield state
        finally:
            # Where the terminal itself has gone there is nothing to restore.
            with contextlib.suppress(OSError, termios.error):
                termios.tcsetattr(source, termios.TCSANOW, before)
                print(f"{state.render_restore()}\r", file=sys.stderr, flush=True)


@contextmanager
def _ended_politely() -> Iterator[None]:
    """Have signals that would end us at once raise SystemExit instead."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    handlers = {number: signal.signal(number, end) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
