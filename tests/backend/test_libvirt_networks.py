"""libvirt's networks, asked of its own driver for tests, and its words about one that is not up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from charly_vm.backend.libvirt_networks import Networks, explain_network_failure, probe_networks

libvirt = pytest.importorskip("libvirt")
URI = "qemu:///system"


def test_a_network_is_known_whether_it_is_active_or_not() -> None:
    connection = libvirt.open("test:///default")
    try:
        assert probe_networks(connection) == Networks(active=("default",))
        connection.networkLookupByName("default").destroy()
        assert probe_networks(connection) == Networks(idle=("default",))
    finally:
        connection.close()


def test_a_libvirt_without_the_network_driver_says_so() -> None:
    def refuse(flags: int) -> Any:
        raise libvirt.libvirtError("this function is not supported by the connection driver")

    probed = probe_networks(SimpleNamespace(listAllNetworks=refuse))
    assert probed == Networks(obstacle="this function is not supported by the connection driver")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (
            "Requested operation is not valid: network 'lab' is not active",
            "network 'lab' at qemu:///system is not active",
            "`virsh -c 'qemu:///system' net-start lab` starts it",
        ),
        (
            "Network not found: no network with matching name 'lab'",
            "libvirt at qemu:///system has no network 'lab'",
            "net-define FILE",
        ),
    ],
)
def test_a_network_that_went_away_is_an_error_with_the_way_back(
    words: str, message: str, hint: str
) -> None:
    error = explain_network_failure(words, URI)
    assert error is not None
    assert error.message.endswith(message)
    assert hint in error.hint


def test_words_about_something_else_are_left_to_others() -> None:
    assert explain_network_failure("internal error: cannot open disk", URI) is None
