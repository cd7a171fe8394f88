"""The qemu backend: one QEMU process per machine, which outlives the process that started it.

What is defined is a file with its command line. Whether it runs is asked of the process and of its
monitor, never remembered.
"""

from __future__ import annotations

import itertools
import json
import secrets
import shlex
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from charly_vm.backend import qemu_snapshots, qmp
from charly_vm.backend.addresses import search_machine_addresses
from charly_vm.backend.emulator_process import EmulatorProcess, find_emulator
from charly_vm.backend.guest_agent import ask_agent
from charly_vm.backend.launch_failure import explain_launch_failure
from charly_vm.backend.power_button import press_until_off
from charly_vm.backend.qemu_running import RunningOnQemu
from charly_vm.backend.screen import convert_to_png
from charly_vm.errors import HostError, LaunchError, StateError
from charly_vm.host.files import (
    explain_os_errors,
    make_private_directory,
    read_tail,
    write_atomically,
)
from charly_vm.host.locks import hold
from charly_vm.host.process import describe_status, spawn, tail_text
from charly_vm.host.waiting import Deadline
from charly_vm.model.protocols import (
    AddressSearch,
    Domain,
    DomainState,
    ListedDomain,
    StopOutcome,
)
from charly_vm.model.resolved import BackendName, Paths, ResolvedMachine
from charly_vm.render.qemu_argv import (
    MONITOR_ID,
    find_sockets,
    hide_secret,
    is_listened_on,
    pass_sockets,
    render_argv,
)

START_SECONDS = 30.0
"""From the start of the process to its first answer; a tenth of a second where nothing is wrong."""
STATE_SECONDS = 3.0
DEFINITION = "qemu-argv.json"


class QemuBackend:
    """Machines as plain QEMU processes. Needs no daemon."""

    name = BackendName.QEMU

    def define(self, machine: ResolvedMachine) -> None:
        text = json.dumps(render_argv(machine), indent=2) + "\n"
        write_atomically(_definition(machine.paths), text)

    def start(self, domain: Domain) -> None:
        self._start(domain, [])

    def _start(self, domain: Domain, more: Sequence[str]) -> None:
        argv = [*_require_definition(domain), *more]
        # Beside the directory: a lock file must not go away with what it protects.
        lock = domain.paths.directory.with_name(f"{domain.name}.emulator.lock")
        with hold(lock, timeout=START_SECONDS):
            if self.state(domain).has_process:
                raise StateError(f"{domain.name} is running already")
            _launch(domain, argv)

    def stop(self, domain: Domain, deadline: Deadline, *, force: bool = True) -> StopOutcome:
        emulator = find_emulator(domain.uuid)
        if emulator is None:
            return StopOutcome.ALREADY_OFF
        with emulator:
            if press_until_off(lambda: _press_power_button(domain), emulator.wait, deadline):
                return StopOutcome.SHUT_DOWN
            if not force:
                return StopOutcome.STILL_ON
            emulator.end()
        return StopOutcome.FORCED

    def power_off(self, domain: Domain) -> StopOutcome:
        emulator = find_emulator(domain.uuid)
        if emulator is None:
            return StopOutcome.ALREADY_OFF
        with emulator:
            emulator.end()
        return StopOutcome.FORCED

    def undefine(self, domain: Domain) -> None:
        self.power_off(domain)
        with explain_os_errors(f"remove the definition of {domain.name}"):
            _definition(domain.paths).unlink(missing_ok=True)
            for path in _sockets(domain.paths):
                path.unlink(missing_ok=True)

    def state(self, domain: Domain) -> DomainState:
        """As the protocol says it; a QEMU that gives no answer within seconds counts as running."""
        emulator = find_emulator(domain.uuid)
        if emulator is not None:
            with emulator:
                try:
                    return qmp.query_state(domain.paths.monitor_socket, timeout=STATE_SECONDS)
                except qmp.MonitorError:
                    if not emulator.wait(0):
                        return DomainState.RUNNING
        defined = _definition(domain.paths).exists()
        return DomainState.SHUT_OFF if defined else DomainState.MISSING

    def screenshot(self, domain: Domain, screen: int = 0) -> bytes:
        if not self.state(domain).has_process:
            raise StateError(f"{domain.name} is not running, so it has no screen")
        if screen:
            raise StateError(
                f"screen {screen} of {domain.name} cannot be shown: on the qemu backend only the "
                "first one can, since QEMU tells the others by names that they are not given"
            )
        # QEMU writes the file itself. PPM: not every QEMU is built with PNG.
        file = domain.paths.directory / f".screen-{secrets.token_hex(4)}.ppm"
        try:
            qmp.execute(domain.paths.monitor_socket, "screendump", {"filename": str(file)})
            with explain_os_errors(f"read {file}"):
                image = file.read_bytes()
        finally:
            file.unlink(missing_ok=True)
        return convert_to_png(image)

    def description(self, domain: Domain, *, live: bool = False) -> str:
        argv = _require_definition(domain)
        return shlex.join(map(hide_secret, argv) if live else argv)

    def neighbours(self, domain: Domain) -> Sequence[ListedDomain]:
        found = [*domain.paths.directory.parent.glob(f"*/{DEFINITION}")]
        beside = [_read_domain(path) for path in sorted(found)]
        return [ListedDomain(one.name, one.uuid, self.state(one)) for one in beside if one]

    def running(self, domain: Domain) -> RunningOnQemu:
        return RunningOnQemu(domain)

    def log(self, domain: Domain) -> str:
        return read_tail(domain.paths.emulator_log)

    def addresses(self, domain: Domain, mac: str) -> AddressSearch:
        return search_machine_addresses(domain, mac)

    def set_autostart(self, domain: Domain, wanted: bool) -> None:
        if wanted:
            raise HostError(
                f"{domain.name} cannot start with the host: autostart needs the libvirt backend",
                hint="set `backend: libvirt`, or leave `autostart` out",
            )

    def use_layer(self, machine: ResolvedMachine) -> None:
        self.define(machine)

    def adopt_layer(self, domain: Domain, layer: Path, below: Path) -> None:
        qemu_snapshots.switch_layer(domain, layer, below)

    def save_snapshot(self, domain: Domain, name: str) -> None:
        if self.state(domain).has_process:
            qemu_snapshots.save_with_memory(domain, name)
        else:
            qemu_snapshots.save_in_image(domain, name)

    def load_snapshot(self, domain: Domain, name: str, *, memory: bool) -> None:
        if not memory:
            self.power_off(domain)
            qemu_snapshots.load_in_image(domain, name)
            return
        if not self.state(domain).has_process:
            # Nothing of the guest's own boot is to be seen.
            self._start(domain, ["-S"])
        try:
            qemu_snapshots.load_with_memory(domain, name)
        except HostError as error:
            self.power_off(domain)
            qemu_snapshots.load_in_image(domain, name)
            raise HostError(
                f"the memory in {name} cannot be loaded: {error.message}",
                hint=f"{domain.name} is off and its disk is as in {name}: `charly vm start` boots "
                "it. A memory fits the hardware and the QEMU that it was saved with, and no other",
            ) from error

    def drop_snapshot(self, domain: Domain, name: str) -> None:
        if name not in self.find_snapshots(domain):
            return
        if self.state(domain).has_process:
            qemu_snapshots.drop_while_running(domain, name)
        else:
            qemu_snapshots.drop_in_image(domain, name)

    def find_snapshots(self, domain: Domain) -> Mapping[str, bool]:
        if self.state(domain).has_process:
            qemu_snapshots.wait_for_job(domain)
        return qemu_snapshots.list_in_image(domain)

    def ask_agent(
        self,
        domain: Domain,
        command: str,
        arguments: Mapping[str, object],
        *,
        seconds: float | None = None,
    ) -> Any:
        return ask_agent(domain.paths.agent_socket, command, arguments, seconds=seconds)

    def freeze(self, domain: Domain) -> None:
        ask_agent(domain.paths.agent_socket, "guest-fsfreeze-freeze")

    def thaw(self, domain: Domain) -> None:
        ask_agent(domain.paths.agent_socket, "guest-fsfreeze-thaw")


def _definition(paths: Paths) -> Path:
    return paths.directory / DEFINITION


def _read_domain(definition: Path) -> Domain | None:
    """The machine of a definition, None where that is being removed or is none of ours."""
    try:
        argv: list[str] = json.loads(definition.read_text())
        options = dict(itertools.pairwise(argv))
        name, uuid = options["-name"].removeprefix("guest="), options["-uuid"]
    except (OSError, ValueError, LookupError):
        return None
    sockets = find_sockets(argv, MONITOR_ID)
    runtime = sockets[0].parent if sockets else definition.parent
    return Domain(name, uuid, Paths(definition.parent, runtime))


def _require_definition(domain: Domain) -> list[str]:
    path = _definition(domain.paths)
    try:
        argv: list[str] = json.loads(path.read_text())
    except FileNotFoundError:
        raise StateError(f"{domain.name} is not defined") from None
    except (OSError, ValueError) as error:
        raise HostError(
            f"cannot read {path}: {error}", hint="destroy the machine and create it again"
        ) from error
    return argv


def _sockets(paths: Paths) -> tuple[Path, ...]:
    """What QEMU listens on."""
    return paths.monitor_socket, paths.events_socket, paths.console_socket, paths.agent_socket


def _launch(domain: Domain, argv: list[str]) -> None:
    """Start the process and return once its CPUs run."""
    paths = domain.paths
    with ExitStack() as stack:
        # One that was defined by an older charly has fewer.
        wanted = [path for path in _sockets(paths) if is_listened_on(argv, path)]
        descriptors = stack.enter_context(_listening(paths, wanted))
        with explain_os_errors(f"write {paths.emulator_log}"):
            output = stack.enter_context(paths.emulator_log.open("wb"))
        child = spawn(pass_sockets(argv, descriptors), output=output, pass_fds=descriptors.values())
    # From here on only QEMU has the sockets open, and a refused connection means that it is gone.
    with EmulatorProcess(child.pid) as emulator:
        try:
            qmp.query_state(paths.monitor_socket, timeout=START_SECONDS)
        except qmp.MonitorError as error:
            ended = emulator.wait(1)
            emulator.end()
            status = child.wait()
            raise _launch_error(domain, argv, status if ended else None) from error
        except BaseException:
            emulator.end()
            child.wait()
            raise
    # Whoever started it is its parent for as long as they live, and has to take its exit status.
    threading.Thread(target=child.wait, name=f"reap-{domain.name}", daemon=True).start()


@contextmanager
def _listening(paths: Paths, wanted: Sequence[Path]) -> Iterator[Mapping[Path, int]]:
    """The machine's sockets, listening; closed here at the end, whoever has taken them over."""
    make_private_directory(paths.runtime)
    with ExitStack() as stack:
        descriptors = {}
        for path in wanted:
            listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            with explain_os_errors(f"listen on {path}"):
                path.unlink(missing_ok=True)
                listener.bind(str(path))
                listener.listen(16)
            descriptors[path] = listener.fileno()
        yield descriptors


def _launch_error(domain: Domain, argv: list[str], status: int | None) -> HostError | LaunchError:
    log = read_tail(domain.paths.emulator_log)
    known = explain_launch_failure(log)
    if known is not None:
        return HostError(f"{domain.name} does not start: {known.message}", hint=known.hint)
    ended = (
        f"did not answer within {START_SECONDS:.0f} s"
        if status is None
        else f"ended at once ({describe_status(status)})"
    )
    return LaunchError(
        f"QEMU for {domain.name} {ended}", argv=argv, status=status, log=tail_text(log)
    )


def _press_power_button(domain: Domain) -> None:
    try:
        qmp.execute(domain.paths.monitor_socket, "system_powerdown")
    except qmp.MonitorError:
        # Busy, or on its way out already. The process says what became of it.
        return
