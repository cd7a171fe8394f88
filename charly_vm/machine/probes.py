"""A machine's probes, and how they are asked by the name of a method: by a step, or by hand.

libvirt   `libvirt_probe`: the hypervisor, and the guest agent through it
spice     `spice_probe`: the machine's SPICE server
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charly_vm.errors import GuestTimeout
from charly_vm.host.waiting import Deadline
from charly_vm.machine.machine import Machine
from charly_vm.model.probes import DIFFERENCE, EXPECTED, PROBES, SCREEN, Method, read_arguments
from charly_vm.model.probes.libvirt import Events, GuestExec, GuestPing
from charly_vm.model.probes.screen import Compare, WaitForText
from charly_vm.model.probes.spice import OverSpice
from charly_vm.model.protocols import ProbeAnswer

if TYPE_CHECKING:
    from charly_vm.machine.spice_probe import SpiceProbe
    from charly_vm.probe.libvirt import LibvirtProbe

SPICE_SECONDS = 60.0
FAILED = 1
"""The status where what was asked for does not hold."""


def ask_probe(
    machine: Machine,
    probe: str,
    method: str,
    written: Mapping[str, Any],
    *,
    directory: Path,
    deadline: Deadline,
    held: bool = True,
) -> ProbeAnswer:
    """What a probe answers; a `Prober`, of one machine, which the caller holds or not."""
    arguments = read_arguments(probe, PROBES[probe], method, written)
    if isinstance(arguments, OverSpice):
        asked: Any = _spice_probe(machine, arguments, directory, deadline)
    else:
        asked = libvirt_probe_of(machine, held=held)
    if isinstance(arguments, WaitForText):
        return _wait_for_text(asked, arguments, deadline)
    if isinstance(arguments, Compare):
        return _compare(asked, arguments, directory)
    part = asked
    *parts, last = method.split("/")
    for name in parts:
        part = getattr(part, name)
    return render_answer(getattr(part, last.replace("-", "_"))(**_keywords(arguments, deadline)))


def render_answer(found: Any) -> ProbeAnswer:
    """What a method returned, as text: JSON where it is more than one value, of a picture how large
    it is, and of a command what it has said."""
    from charly_vm.probe.libvirt import Ran

    if isinstance(found, bytes):
        return ProbeAnswer(_describe_picture(found), {SCREEN: found})
    if found is None or isinstance(found, str):
        return ProbeAnswer(found or "")
    if isinstance(found, Ran):
        return ProbeAnswer(found.stdout, status=found.status, complaint=found.stderr)
    return ProbeAnswer(json.dumps(_plain(found), indent=2, ensure_ascii=False))


def libvirt_probe_of(machine: Machine, *, held: bool = True) -> LibvirtProbe:
    """The machine through its hypervisor, and the guest agent through that. Who does not hold it
    (`ownership.own_machine`) says so: a change of its snapshots then holds it."""
    from charly_vm.machine.libvirt_probe import probe_of

    return probe_of(machine, held=held)


def spice_probe_of(
    machine: Machine,
    *,
    password: str | None = None,
    ca_file: Path | None = None,
    seconds: float = SPICE_SECONDS,
) -> SpiceProbe:
    """The machine over SPICE; each method may take so long. The ticket is what the machine's
    `graphics` say where none is given. `ca_file` has who signed the server's certificate."""
    from charly_vm.machine.spice_probe import probe_of

    return probe_of(machine, password=password, ca_file=ca_file, seconds=seconds)


def _spice_probe(
    machine: Machine, arguments: OverSpice, directory: Path, deadline: Deadline
) -> SpiceProbe:
    return spice_probe_of(
        machine,
        password=arguments.password,
        ca_file=directory / arguments.ca_file if arguments.ca_file else None,
        seconds=deadline.remaining(at_most=SPICE_SECONDS),
    )


def _keywords(arguments: Method, deadline: Deadline) -> dict[str, Any]:
    """The arguments that were written: what is not has the default of the method itself, but that
    nothing takes longer than its caller has time for."""
    opening = OverSpice.model_fields if isinstance(arguments, OverSpice) else ()
    written = {name: getattr(arguments, name) for name in arguments.model_fields_set - {*opening}}
    if isinstance(arguments, GuestExec):
        written.setdefault("timeout", deadline.remaining())
    if isinstance(arguments, Events | GuestPing):
        written.setdefault("seconds", deadline.remaining(at_most=arguments.seconds))
    return written


def _wait_for_text(asked: Any, arguments: WaitForText, deadline: Deadline) -> ProbeAnswer:
    from charly_vm.probe.screen.text import wait_for_text

    last = b""

    def screenshot() -> bytes:
        nonlocal last
        picture: bytes = asked.screenshot()
        last = picture
        return picture

    if arguments.timeout is not None:
        deadline = Deadline(arguments.timeout)
    try:
        read = wait_for_text(arguments.text, screenshot, deadline)
    except GuestTimeout as error:
        pictures = {SCREEN: last} if last else {}
        return ProbeAnswer("", pictures, status=FAILED, complaint=error.message)
    return ProbeAnswer(read, {SCREEN: last})


def _compare(asked: Any, arguments: Compare, directory: Path) -> ProbeAnswer:
    from charly_vm.probe.screen.compare import compare_pictures
    from charly_vm.probe.screen.looking import read_picture

    expected = read_picture(directory / arguments.image)
    found = asked.screenshot()
    pictures = {SCREEN: found, EXPECTED: expected}
    difference = compare_pictures(
        found,
        expected,
        colour_tolerance=arguments.colour_tolerance,
        region=arguments.region,
    )
    if isinstance(difference, str):
        return ProbeAnswer("", pictures, status=FAILED, complaint=difference)
    said = f"{difference.pixels} of {difference.of} pixels differ"
    if difference.share <= arguments.tolerance:
        return ProbeAnswer(said, pictures)
    pictures[DIFFERENCE] = difference.picture
    complaint = (
        f"{said} from {arguments.image} ({difference.share:.2%}; "
        f"at most {arguments.tolerance:.2%} may)"
    )
    return ProbeAnswer(said, pictures, status=FAILED, complaint=complaint)


def _describe_picture(png: bytes) -> str:
    # The header chunk comes first (PNG specification, 11.2.2 IHDR).
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    return f"a picture of {width}x{height}, {len(png)} bytes"


def _plain(value: Any) -> Any:
    """As JSON can show it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Path):
        return str(value)
    return value
