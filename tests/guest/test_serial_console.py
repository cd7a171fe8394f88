"""The console between a terminal and a socket, with a person at one end and a machine at the
other. The terminal is a real pseudo-terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import socket
import struct
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from fcntl import ioctl
from pathlib import Path

import pytest

from charly_vm.errors import LeaseUnavailable, StateError
from charly_vm.guest.console import DETACH, attach_console
from charly_vm.host.waiting import Deadline, NotYet, wait_for

SECONDS = 20.0


class Desk:
    """A terminal that stdin, stdout and stderr lead to, and the machine's end of its console."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "console.sock"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.keyboard, self.terminal = pty.openpty()
        self.before = termios.tcgetattr(self.terminal)
        self.shown = ""
        self.problems: list[BaseException] = []
        self.watching = threading.Thread(target=self._watch)
        self.watching.start()

    def attach(
        self,
        person: Callable[[socket.socket], None],
        *,
        detach: bytes = DETACH,
        resize: bool = False,
    ) -> None:
        """Attach, while a person types and a machine answers in a thread of their own."""

        def work() -> None:
            try:
                with self.listener.accept()[0] as machine:
                    machine.settimeout(SECONDS)
                    person(machine)
            except BaseException as error:
                self.problems.append(error)
                os.write(self.keyboard, b"\x1d")

        thread = threading.Thread(target=work)
        thread.start()
        try:
            with self._in_front():
                attach_console(self.path, detach=detach, resize=resize)
        finally:
            thread.join(SECONDS)
            assert self.problems == []

    @contextlib.contextmanager
    def _in_front(self) -> Iterator[None]:
        # Here and not in a fixture: pytest changes them between a test's phases.
        with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
            for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
                stream = stack.enter_context(os.fdopen(os.dup(self.terminal), mode))
                patch.setattr(f"sys.{name}", stream)
            yield

    def type(self, keys: bytes) -> None:
        os.write(self.keyboard, keys)

    def wait_for(self, text: str) -> None:
        """Until the terminal shows it."""

        def probe() -> bool | NotYet:
            return True if text in self.shown else NotYet(self.shown)

        wait_for(repr(text), probe, Deadline(SECONDS), every=0.01)

    def _watch(self) -> None:
        # The kernel's answer when the other end is closed.
        with contextlib.suppress(OSError):
            while data := os.read(self.keyboard, 65536):
                self.shown += data.decode(errors="replace")

    def close(self) -> None:
        self.listener.close()
        os.close(self.terminal)
        self.watching.join(SECONDS)
        os.close(self.keyboard)

    def is_as_before(self) -> bool:
        return termios.tcgetattr(self.terminal) == self.before


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def _receive(machine: socket.socket, text: bytes) -> None:
    received = b""
    while text not in received:
        data = machine.recv(4096)
        assert data, received
        received += data
    assert received == text


def test_keys_go_to_the_machine_and_its_words_to_the_screen(desk: Desk) -> None:
    def person(machine: socket.socket) -> None:
        desk.wait_for("attached; Ctrl-] detaches")
        desk.type(b"\x03ls\r")
        # Ctrl-C too is the guest's.
        _receive(machine, b"\x03ls\r")
        machine.sendall(b"bin  dev\r\n")
        desk.wait_for("bin  dev")
        desk.type(b"exit\r\x1dnever sent")
        _receive(machine, b"exit\r")
        assert machine.recv(10) == b""

    desk.attach(person)
    assert desk.is_as_before()


def test_the_detach_key_can_be_another(desk: Desk) -> None:
    def person(machine: socket.socket) -> None:
        desk.wait_for("attached; Ctrl-A detaches")
        desk.type(b"\x1d")
        _receive(machine, b"\x1d")
        desk.type(b"\x01")

    desk.attach(person, detach=b"\x01")
    assert desk.is_as_before()


def test_it_ends_with_the_machine(desk: Desk) -> None:
    desk.attach(lambda machine: machine.sendall(b"Power down\r\n"))
    desk.wait_for("Power down")
    assert desk.is_as_before()


def test_modes_that_a_program_in_the_guest_has_set_are_taken_back(desk: Desk) -> None:
    desk.attach(lambda machine: machine.sendall(b"\x1b[?1049h\x1b[?25l\x1b[?1000hvim"))
    desk.wait_for("vim\x1b[?1049l\x1b[?1000l\x1b[?25h\x1b[0m\x1b(B\r")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_us_leaves_the_terminal_as_it_was(
    desk: Desk, number: signal.Signals
) -> None:
    handler = signal.getsignal(number)

    def person(machine: socket.socket) -> None:
        desk.wait_for("attached")
        os.kill(os.getpid(), number)
        assert machine.recv(10) == b""

    with pytest.raises(SystemExit) as caught:
        desk.attach(person)
    assert caught.value.code == 128 + number
    assert desk.is_as_before()
    assert signal.getsignal(number) == handler


def test_the_size_is_typed_at_the_beginning_and_when_it_changes(desk: Desk) -> None:
    def resize(rows: int, columns: int) -> None:
        ioctl(desk.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def person(machine: socket.socket) -> None:
        _receive(machine, b"stty rows 30 cols 100\r")
        resize(50, 132)
        os.kill(os.getpid(), signal.SIGWINCH)
        _receive(machine, b"stty rows 50 cols 132\r")
        desk.type(b"\x1d")

    resize(30, 100)
    desk.attach(person, resize=True)
    assert signal.getsignal(signal.SIGWINCH) == signal.SIG_DFL


def test_the_size_is_not_typed_unless_one_asks_for_it(desk: Desk) -> None:
    def person(machine: socket.socket) -> None:
        os.kill(os.getpid(), signal.SIGWINCH)
        desk.wait_for("attached")
        desk.type(b"x\x1d")
        _receive(machine, b"x")

    desk.attach(person)


def test_a_second_person_is_told_that_there_is_a_first(desk: Desk) -> None:
    def person(machine: socket.socket) -> None:
        desk.wait_for("attached")
        with pytest.raises(LeaseUnavailable, match="somebody else is attached"):
            attach_console(desk.path)
        desk.type(b"\x1d")

    desk.attach(person)


def test_a_machine_that_does_not_run_has_no_console(tmp_path: Path) -> None:
    for path in (tmp_path / "console.sock", tmp_path / "nowhere" / "console.sock"):
        with pytest.raises(StateError, match="there is no console"):
            attach_console(path)


def test_the_raw_terminal_is_really_raw(desk: Desk) -> None:
    def person(machine: socket.socket) -> None:
        desk.wait_for("attached")
        raw = termios.tcgetattr(desk.terminal)
        assert not raw[tty.LFLAG] & (termios.ECHO | termios.ICANON | termios.ISIG)
        desk.type(b"\x1d")

    desk.attach(person)
