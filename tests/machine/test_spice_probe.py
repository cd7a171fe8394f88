"""Where a machine's SPICE server is reached, and with which ticket."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sample_machine import sample_machine

from charly_vm.errors import StateError
from charly_vm.host.waiting import Deadline
from charly_vm.machine import spice_probe
from charly_vm.machine.probes import spice_probe_of
from charly_vm.model.live import LiveGraphics
from charly_vm.probe.spice import SpiceAddress

VNC = LiveGraphics("vnc", "127.0.0.1", 5900)
BLOCK = {
    "devices": {
        "graphics": [
            {"type": "vnc", "passwd": "of-vnc"},
            {"type": "spice", "passwd": "of-spice", "port": 5930},
        ]
    }
}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[SpiceAddress, str]]:
    """What sessions were opened with."""
    found: list[tuple[SpiceAddress, str]] = []

    @contextmanager
    def open_session(address: SpiceAddress, *, password: str, deadline: Deadline) -> Iterator[Any]:
        found.append((address, password))
        yield SimpleNamespace(status=lambda: "taken in")

    monkeypatch.setattr(spice_probe, "open_spice", open_session)
    return found


def machine_with(*served: LiveGraphics, libvirt: dict[str, Any] | None = None) -> Any:
    """Stands in for a machine that runs and serves these."""
    running = SimpleNamespace(inspect=lambda: SimpleNamespace(graphics=served))
    return SimpleNamespace(
        name="charly-x",
        record=SimpleNamespace(machine=sample_machine(libvirt=libvirt or {}), domain=None),
        backend=SimpleNamespace(running=lambda domain: running),
    )


def test_the_ticket_is_that_of_spice_and_of_no_other_server(
    opened: list[tuple[SpiceAddress, str]],
) -> None:
    spice = LiveGraphics("spice", "0.0.0.0", 5930)
    machine = machine_with(VNC, spice, libvirt=BLOCK)
    assert str(spice_probe_of(machine).status()) == "taken in"
    spice_probe_of(machine, password="another").status()
    assert opened == [
        (SpiceAddress("127.0.0.1", 5930), "of-spice"),
        (SpiceAddress("127.0.0.1", 5930), "another"),
    ]


def test_a_socket_is_reached_and_a_certificate_asked_for_only_with_tls(
    opened: list[tuple[SpiceAddress, str]],
) -> None:
    at_socket = LiveGraphics("spice", socket="/run/spice.sock")
    spice_probe_of(machine_with(at_socket), ca_file=Path("/ca.pem")).status()
    with_tls = dataclasses.replace(at_socket, socket="", address="::1", tls_port=5931)
    spice_probe_of(machine_with(with_tls), ca_file=Path("/ca.pem")).status()
    [(socket, _), (tls, _)] = opened
    assert (socket.socket, socket.ca_file) == (Path("/run/spice.sock"), None)
    assert (tls.host, tls.tls_port, tls.ca_file) == ("::1", 5931, Path("/ca.pem"))


@pytest.mark.parametrize(
    ("served", "said"),
    [((VNC,), "no SPICE server, but vnc"), ((), "but no graphics server at all")],
)
def test_a_machine_without_a_spice_server_says_what_it_has(
    served: tuple[LiveGraphics, ...], said: str
) -> None:
    with pytest.raises(StateError, match=said) as caught:
        spice_probe_of(machine_with(*served)).status()
    assert "graphics: [{type: spice}]" in caught.value.hint
