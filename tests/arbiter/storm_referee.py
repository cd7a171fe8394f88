"""Judges a storm by its logs alone: who had what beside whom, and which holders ran meanwhile.

It shares no code with the arbiter. Where a log leaves something open, it is taken in the way that
accuses nobody: a claimant has something from `begin`, which it writes after the grant, until `end`,
which it writes before it gives it back. One without an end was killed, and has had it at its last
beat, and when the killer was about to send the signal. A holder has been up at one instant between
two times.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Use = str | int
"""`exclusive`, `shared`, or an amount."""


@dataclass(frozen=True)
class Held:
    """One claim's time."""

    id: str
    owner: str
    tokens: Mapping[str, Use]
    begin: int
    end: int


@dataclass(frozen=True)
class Seen:
    """A holder was up at one instant of this time."""

    holder: str
    after: int
    before: int


@dataclass(frozen=True)
class Storm:
    """All that the logs say."""

    held: tuple[Held, ...]
    seen: tuple[Seen, ...]
    failures: tuple[str, ...]


def read_storm(logs: Iterable[Path], killed: Mapping[str, int]) -> Storm:
    """`killed` says for a log's name when its writer was about to be killed."""
    held: list[Held] = []
    seen: list[Seen] = []
    failures: list[str] = []
    for file in logs:
        begun: dict[str, dict[str, Any]] = {}
        last: dict[str, int] = {}
        for line in file.read_text().splitlines():
            event = json.loads(line)
            what = event["what"]
            if what == "failed":
                failures.append(f"{file.name}: {event['why']}")
            elif what == "up":
                seen.append(Seen(event["holder"], event["after"], event["before"]))
            elif what == "begin":
                begun[event["id"]] = event
                last[event["id"]] = event["at"]
            elif what == "beat":
                last[event["id"]] = event["at"]
            else:
                held.append(_held(begun.pop(event["id"]), event["at"]))
        for identifier, event in begun.items():
            held.append(_held(event, max(last[identifier], killed.get(file.name, 0))))
    return Storm(tuple(held), tuple(seen), tuple(failures))


def _held(begin: Mapping[str, Any], end: int) -> Held:
    return Held(begin["id"], begin["owner"], begin["tokens"], begin["at"], end)


def judge(
    storm: Storm, capacity: Mapping[str, int], holders: Mapping[str, Mapping[str, Use]]
) -> list[str]:
    """What was wrong; `holders` says what each has while it is up."""
    wrong = list(storm.failures)
    for token, whole in capacity.items():
        times = [one for one in storm.held if token in one.tokens]
        wrong += _judge_claims(token, whole, times)
        for name, tokens in holders.items():
            if token in tokens:
                up = [one for one in storm.seen if one.holder == name]
                wrong += _judge_holder(token, whole, times, name, tokens[token], up)
    return wrong


def _judge_claims(token: str, whole: int, times: list[Held]) -> list[str]:
    wrong = []
    # What ends at the instant at which something begins is over.
    events = sorted(
        [(one.begin, 1, one.id, one) for one in times]
        + [(one.end, 0, one.id, one) for one in times if one.end > one.begin],
        key=lambda event: event[:3],
    )
    having: dict[str, Held] = {}
    for at, begins, identifier, one in events:
        if not begins:
            having.pop(identifier, None)
            continue
        for other in having.values():
            if other.owner != one.owner and "exclusive" in (one.tokens[token], other.tokens[token]):
                wrong.append(f"{token} was had by {one} beside {other}")
        if one.end > one.begin:
            having[identifier] = one
        if sum(_amount(held.tokens[token]) for held in having.values()) > whole:
            wrong.append(f"more than {whole} of {token} was had at {at}: {having}")
    return wrong


def _judge_holder(
    token: str, whole: int, times: list[Held], name: str, use: Use, up: list[Seen]
) -> list[str]:
    wrong = []
    ordered = sorted(times, key=lambda one: one.begin)
    begins = [one.begin for one in ordered]
    longest = max((one.end - one.begin for one in ordered), default=0)
    for one in up:
        # Those that had it for all of the time in which the instant lies.
        first = bisect_right(begins, one.before - longest - 1)
        last = bisect_right(begins, one.after)
        beside = [held for held in ordered[first:last] if held.end >= one.before]
        for held in beside:
            if "exclusive" in (use, held.tokens[token]):
                wrong.append(f"{name} was up ({one}) while {token} was had by {held}")
        if _amount(use) and sum(_amount(held.tokens[token]) for held in beside) + int(use) > whole:
            wrong.append(f"{name} was up ({one}) and too much of {token} was had: {beside}")
    return wrong


def _amount(use: Use) -> int:
    return use if isinstance(use, int) else 0
