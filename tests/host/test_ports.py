"""Ports, with real sockets on 127.0.0.1."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.errors import HostError
from charly_vm.host import ports
from charly_vm.host.ports import (
    FIRST,
    LAST,
    find_free_port,
    find_listener,
    require_free_port,
)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket of ours that listens on a port of the range."""
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", find_free_port((), start=os.getpid())))
        ours.listen(1)
        yield ours


def port_of(ours: socket.socket) -> int:
    port: int = ours.getsockname()[1]
    return port


def test_the_same_start_gives_the_same_port() -> None:
    assert find_free_port((), start=4711) == find_free_port((), start=4711)


def test_a_port_in_a_record_is_passed_over() -> None:
    first = find_free_port((), start=4711)
    assert find_free_port({first}, start=4711) == first + 1


@given(st.integers())
def test_every_start_leads_into_the_range(start: int) -> None:
    assert FIRST <= find_free_port((), start=start) <= LAST


def test_the_search_goes_on_at_the_beginning_of_the_range() -> None:
    beyond = set(range(FIRST + 100, LAST + 1))
    assert FIRST <= find_free_port(beyond, start=LAST) < FIRST + 100


def test_the_range_lies_below_the_ephemeral_one() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert lowest > LAST


def test_a_port_on_which_somebody_listens_is_passed_over(listener: socket.socket) -> None:
    taken = port_of(listener)
    assert find_free_port((), start=taken - FIRST) != taken


def test_a_port_on_which_somebody_listens_everywhere_is_not_free() -> None:
    with socket.socket() as ours:
        ours.bind(("0.0.0.0", find_free_port((), start=os.getpid() + 1)))
        ours.listen(1)
        with pytest.raises(HostError, match="is in use"):
            require_free_port(port_of(ours))


def test_no_free_port_at_all_is_one_clear_error() -> None:
    with pytest.raises(HostError, match=f"no port between {FIRST} and {LAST} is free"):
        find_free_port(range(FIRST, LAST + 1), start=0)


def test_a_free_port_is_free() -> None:
    require_free_port(find_free_port((), start=4711))


def test_a_port_that_was_used_a_moment_ago_is_free() -> None:
    with socket.socket() as ours:
        # As QEMU does it; without, the port would be taken for a minute.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ours.bind(("127.0.0.1", find_free_port((), start=os.getpid() + 2)))
        ours.listen(1)
        port = port_of(ours)
        with socket.create_connection(("127.0.0.1", port)):
            # Who closes first is left in TIME_WAIT.
            ours.accept()[0].close()
    require_free_port(port)


def test_a_port_in_use_is_an_error_that_names_the_holder(listener: socket.socket) -> None:
    name = Path("/proc/self/comm").read_text().strip()
    expected = rf"port {port_of(listener)} of 127.0.0.1 is in use by {name} \(pid {os.getpid()}\)"
    with pytest.raises(HostError, match=expected) as raised:
        require_free_port(port_of(listener))
    assert "port_auto" in raised.value.hint


def test_a_holder_that_cannot_be_seen_is_left_out(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "find_listener", lambda port, protocol: None)
    with pytest.raises(HostError) as raised:
        require_free_port(port_of(listener))
    assert raised.value.message.endswith("of 127.0.0.1 is in use")


def test_a_listener_on_ipv6_is_found_as_well() -> None:
    with socket.socket(socket.AF_INET6) as ours:
        try:
            ours.bind(("::1", 0))
        except OSError:
            pytest.skip("this host has no IPv6")
        ours.listen(1)
        assert f"(pid {os.getpid()})" in (find_listener(port_of(ours)) or "")


def test_nobody_listens_on_a_free_port() -> None:
    assert find_listener(find_free_port((), start=4711)) is None


def test_a_udp_port_is_free_and_taken_apart_from_the_tcp_port_of_the_same_number(
    listener: socket.socket,
) -> None:
    require_free_port(port_of(listener), "udp")
    with socket.socket(type=socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", find_free_port((), start=os.getpid() + 3, protocol="udp")))
        with pytest.raises(HostError, match=rf"port {port_of(ours)}/udp .* by .*{os.getpid()}"):
            require_free_port(port_of(ours), "udp")
        require_free_port(port_of(ours), "tcp")
