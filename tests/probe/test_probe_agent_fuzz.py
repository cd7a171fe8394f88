"""Whatever the guest says in its agent's place: a result or one of our errors, and that soon."""

from __future__ import annotations

import copy
import dataclasses
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from agent_stand_in import RECORDED, BackendStandIn, probe_with
from hypothesis import given, settings
from hypothesis import strategies as st

from charly_vm.errors import CharlyError
from charly_vm.probe.libvirt.guest import GuestAgent

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, 2**64, -(2**63), 10**300, -1]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["\ud800", "\0", "A" * 70_000, "=" * 9, "frozen", "YQ=="]),
    st.just([]),
    st.just({}),
    st.recursive(
        st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=8,
    ),
)
ASKED: dict[str, Callable[[GuestAgent], Any]] = {
    "ping": GuestAgent.ping,
    "info": GuestAgent.info,
    "os_info": GuestAgent.os_info,
    "time": GuestAgent.time,
    "hostname": GuestAgent.hostname,
    "users": GuestAgent.users,
    "interfaces": GuestAgent.interfaces,
    "disks": GuestAgent.disks,
    "fsinfo": GuestAgent.fsinfo,
    "vcpus": GuestAgent.vcpus,
    "fstrim": GuestAgent.fstrim,
    "exec": lambda guest: guest.exec("true", timeout=0.01),
    "read": lambda guest: guest.read("/file", limit=100_000),
    "write": lambda guest: guest.write("/file", "x" * 1000),
    "status": GuestAgent.fsfreeze,
    "freeze": lambda guest: guest.fsfreeze("freeze"),
    "thaw": lambda guest: guest.fsfreeze("thaw"),
}


def mutate(value: Any, data: st.DataObject) -> Any:
    """A copy with something odd at one place, or with a part left out."""
    if not isinstance(value, (dict, list)) or not value or data.draw(st.booleans()):
        return data.draw(ODD)
    changed = copy.deepcopy(value)
    key = data.draw(st.sampled_from(sorted(changed) if isinstance(changed, dict) else [0]))
    if data.draw(st.integers(0, 4)) == 0:
        del changed[key]
    else:
        changed[key] = mutate(changed[key], data)
    return changed


def outcome(ask: Callable[[], Any]) -> Any:
    """What it returns, or the words of our error; anything else that is raised fails the test."""
    try:
        return ask()
    except CharlyError as error:
        return str(error)


@given(asked=st.sampled_from(sorted(ASKED)), data=st.data())
@settings(deadline=2000, max_examples=400)
def test_a_mutated_answer_is_a_result_or_one_of_our_errors(asked: str, data: st.DataObject) -> None:
    asked_so_far = 0

    def play(command: str, arguments: Mapping[str, object]) -> Any:
        nonlocal asked_so_far
        asked_so_far += 1
        assert asked_so_far < 2000, "the same thing is asked for ever"
        if data.draw(st.booleans()):
            return RECORDED[command]
        return mutate(RECORDED[command], data)

    result = outcome(lambda: ASKED[asked](probe_with(BackendStandIn(play)).guest))
    shown = [
        dataclasses.asdict(one) if hasattr(one, "__dataclass_fields__") else one
        for one in (result if isinstance(result, tuple) else [result])
    ]
    # Strict: neither NaN nor halves of characters.
    text = json.dumps(shown, ensure_ascii=False, allow_nan=False).encode()
    assert len(text) < sys.getsizeof(RECORDED) + 1_000_000
