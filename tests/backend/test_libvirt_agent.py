"""Catching up with an agent that came with a machine's memory, against a stand-in for libvirt.

libvirt's test driver has no monitor. The real thing is in `tests/live/test_libvirt_probe.py`.
"""

from __future__ import annotations

import json

import pytest

from charly_vm.backend import libvirt_agent
from charly_vm.backend.libvirt_agent import catch_up

pytest.importorskip("libvirt")

CHANNEL = """
<channel type="unix">
  <target type="virtio" name="com.redhat.spice.0" state="connected"/>
  <alias name="channel1"/>
</channel>
<channel type="unix">
  <target type="virtio" name="org.qemu.guest_agent.0" state="{}"/>
  <alias name="channel0"/>
</channel>
"""


class DomainThatLearns:
    """Stands in for a running domain: what libvirt sees of the channel, look by look."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.looks = 0

    def XMLDesc(self, flags: int) -> str:
        state = self.states[min(self.looks, len(self.states) - 1)] if self.states else None
        self.looks += 1
        channels = "" if state is None else CHANNEL.format(state)
        return f"<domain><devices>{channels}</devices></domain>"


@pytest.fixture
def seen_by_qemu(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """By the label of a character device: whether the guest has it open."""
    libvirt_qemu = pytest.importorskip("libvirt_qemu")
    seen = {"charmonitor": True, "charchannel0": True, "charchannel1": False}

    def answer(_found: object, message: str, _flags: int) -> str:
        assert json.loads(message)["execute"] == "query-chardev"
        ends = [{"label": label, "frontend-open": there} for label, there in seen.items()]
        return json.dumps({"return": ends})

    monkeypatch.setattr(libvirt_qemu, "qemuMonitorCommand", answer)
    return seen


@pytest.mark.usefixtures("seen_by_qemu")
def test_it_waits_until_libvirt_knows_of_the_agent() -> None:
    found = DomainThatLearns("disconnected", "disconnected", "disconnected", "connected")
    catch_up(found)
    assert found.looks == 4


def test_without_an_agent_there_is_nothing_to_wait_for(seen_by_qemu: dict[str, bool]) -> None:
    seen_by_qemu.update(charchannel0=False, charchannel1=True)
    found = DomainThatLearns("disconnected")
    catch_up(found)
    assert found.looks == 1


@pytest.mark.usefixtures("seen_by_qemu")
def test_without_a_channel_there_is_nothing_to_wait_for() -> None:
    found = DomainThatLearns()
    catch_up(found)
    assert found.looks == 1


@pytest.mark.usefixtures("seen_by_qemu")
def test_a_libvirt_that_never_learns_of_it_is_waited_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(libvirt_agent, "CATCH_UP_SECONDS", 0.2)
    found = DomainThatLearns("disconnected")
    catch_up(found)
    assert found.looks > 2
