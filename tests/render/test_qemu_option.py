"""QEMU's option syntax, and what holds for every command line."""

from __future__ import annotations

import itertools
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qemu_machines import QEMU_MACHINES
from sample_machine import sample_machine

from charly_vm.render.qemu.option import hide_secret, option
from charly_vm.render.qemu.vsock import FIRST_CID, LAST_CID, choose_cid
from charly_vm.render.qemu_argv import render_argv

KEYS = st.text("abcdefghij-_", min_size=1)
TEXTS = st.text(st.characters(exclude_characters="\0"))


def split(text: str) -> dict[str, str]:
    """As QEMU reads an option: a doubled comma is one, a single one ends the value."""
    values = [""]
    for character in text.replace(",,", "\0"):
        if character == ",":
            values.append("")
        else:
            values[-1] += character.replace("\0", ",")
    return dict(one.split("=", 1) for one in values if one)


@given(st.dictionaries(KEYS, TEXTS, max_size=4))
def test_any_text_arrives_as_it_was_written(values: dict[str, str]) -> None:
    words = option("", values)
    assert split(words) == values


def test_switches_numbers_and_lists_are_written_in_qemus_words() -> None:
    words = option("head", {"a": True, "b": False, "c": None, "d": 7, "e": ("x", "y,z"), "f": ()})
    assert words == "head,a=on,b=off,d=7,e=x,e=y,,z"


def test_every_name_in_a_command_is_given_once() -> None:
    kinds = ("-device", "-object", "-chardev", "-netdev", "-drive", "-audiodev", "-fsdev")
    for name, machine in QEMU_MACHINES.items():
        pairs = itertools.pairwise(render_argv(machine))
        named = [(kind, re.search(r"(?:^|,)id=([^,]+)", value)) for kind, value in pairs]
        given_names = [(kind, found[1]) for kind, found in named if found and kind in kinds]
        assert len(given_names) == len(set(given_names)), name


def test_only_the_bridge_helper_opens_the_sandbox() -> None:
    for name, machine in QEMU_MACHINES.items():
        words = render_argv(machine)
        is_open = words[words.index("-sandbox") + 1] == "off"
        assert is_open == any(word.startswith("bridge,") for word in words), name


def test_the_network_card_keeps_its_place_whatever_an_author_adds() -> None:
    def place(words: list[str]) -> int:
        devices = [one for kind, one in itertools.pairwise(words) if kind == "-device"]
        return next(at for at, one in enumerate(devices) if one.startswith("virtio-net-pci,"))

    plain = place(render_argv(sample_machine()))
    added = {
        "usb": "qemu-xhci",
        "disks": {"source": "/a.img"},
        "watchdog": {"model": "i6300esb"},
        "hostdevs": {"type": "pci", "source": {"bus": 1, "slot": 0}},
        "sound": {"model": "ich9"},
    }
    assert place(render_argv(sample_machine(libvirt={"devices": added}))) == plain


@given(st.uuids())
def test_a_machine_without_a_socket_address_gets_one_of_its_own(value: uuid.UUID) -> None:
    cid = choose_cid(str(value))
    assert FIRST_CID <= cid <= LAST_CID
    assert cid == choose_cid(str(value))


@pytest.mark.parametrize("password", ["abc", "abc-data=xyz", "a,,data=b", ""])
def test_a_secret_is_hidden_whole(password: str) -> None:
    word = f"secret,id=s,data={password}"
    assert hide_secret(word) == "secret,id=s,data=***"
    assert hide_secret(f"virtio-net-pci,id=n,data={password}").endswith(f"data={password}")
