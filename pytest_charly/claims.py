"""Claims of scarce things: the fixture `claim`, the markers, and what the checks of a bed want.

Imported where something is claimed.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest

from charly_vm import (
    Arbiter,
    CharlyError,
    ClaimUnavailable,
    Lease,
    Project,
    Silent,
    Wish,
    find_arbiter,
    find_near_misses,
    find_project_file,
    load_project,
    make_wish,
    parse_duration,
    require_amounts,
    this_claimant,
    unite,
    wish_of_bed,
)
from pytest_charly.chosen import ChosenBeds
from pytest_charly.faults import BedFault
from pytest_charly.options import source_of
from pytest_charly.place import FAILED, place_of
from pytest_charly.progress.channel import CHANNEL, Uplink
from pytest_charly.progress.events import Noted

EXCLUSIVE, SHARED = "requires_exclusive", "requires_shared"
WAIT, SKIP = "wait", "skip"
BEDS = "charly-beds"
"""The plugin that has beds up, where a run has some."""

_OWNER = secrets.token_hex(8)
"""Tests that have to do with no bed run one after the other: what one has is not kept from it."""

_LEASE = pytest.StashKey[Lease]()


class Claims:
    """What the fixture `claim` gives: a factory of claims, all given back when the test ends."""

    def __init__(self, item: pytest.Item, owner: str = _OWNER) -> None:
        self._item = item
        self._owner = owner
        self._leases: list[Lease] = []

    def __call__(
        self,
        *tokens: str,
        shared: bool = False,
        amounts: Mapping[str, int] | None = None,
        timeout: float | None = None,
    ) -> Lease:
        """Wait for `tokens` and `amounts`, all at once, and have them until the test ends, or until
        `release()` of what is returned. `timeout` is in seconds."""
        wish = make_wish(() if shared else tokens, tokens if shared else (), amounts)
        lease = claim_for(self._item, wish, owner=self._owner, timeout=timeout)
        self._leases.append(lease)
        return lease

    def release(self) -> None:
        """Give everything back; the last first."""
        while self._leases:
            self._leases.pop().release(success=not self._item.stash.get(FAILED, False))


def claim_for(
    item: pytest.Item, wish: Wish, *, owner: str = _OWNER, timeout: float | None = None
) -> Lease:
    """A claim in an item's name. Skips or fails the item where it is not to be had."""
    try:
        arbiter, project = _arbiter_of(item.config)
        require_amounts(wish, arbiter)
        for doubt in find_near_misses(wish, project):
            arbiter.progress.note(f"warning: {item.nodeid}: {doubt}")
        return arbiter.claim(
            wish,
            this_claimant(item.name, test=item.nodeid),
            timeout=claim_seconds(item.config) if timeout is None else timeout,
            owner=owner,
        )
    except ClaimUnavailable as error:
        if item.config.getoption("charly_claims") == SKIP:
            pytest.skip(error.message)
        fault = BedFault(str(error))
    except CharlyError as error:
        fault = BedFault(str(error))
    # Outside the handler: pytest would show the two as a chain.
    raise fault


def claim_seconds(config: pytest.Config) -> float:
    """How long a claim waits. Raises `pytest.UsageError` for what is no duration."""
    if config.getoption("charly_claims") != WAIT:
        return 0.0
    written = config.getoption("charly_claim_timeout")
    try:
        return parse_duration(f"{written}s" if written.isdigit() else written)
    except ValueError as error:
        source = source_of("charly_claim_timeout", config)
        raise pytest.UsageError(f"{source}: {error}") from error


def wish_of(item: pytest.Item) -> Wish:
    """What an item's markers ask for."""
    wanted: dict[str, list[str]] = {EXCLUSIVE: [], SHARED: []}
    for marker, tokens in wanted.items():
        for mark in item.iter_markers(marker):
            if not mark.args or not all(isinstance(token, str) for token in mark.args):
                raise pytest.UsageError(
                    f'{item.nodeid}: {marker} takes tokens: @pytest.mark.{marker}("nvidia-gpu")'
                )
            tokens += mark.args
    return make_wish(wanted[EXCLUSIVE], wanted[SHARED])


class BedWishes:
    """What each bed claims: its own, and what its checks ask for besides, all at once, since who
    holds something and waits for more may wait for ever."""

    def __init__(self, chosen: ChosenBeds) -> None:
        self._chosen = chosen
        self._asked: dict[str, Wish] = {}

    def gather(self, items: Iterable[pytest.Item]) -> None:
        """Take up what the checks among the items ask for, which are all that will run."""
        asked: dict[str, list[Wish]] = {}
        for item in items:
            if place := place_of(item):
                asked.setdefault(place[0], []).append(wish_of(item))
        self._asked = {bed: unite(wishes) for bed, wishes in asked.items()}

    def of_checks(self, bed: str) -> Wish:
        """What its checks ask for."""
        return self._asked.get(bed, Wish())

    def of(self, bed: str) -> Wish:
        """All that it claims."""
        return unite([wish_of_bed(self._chosen.find(bed).target), self.of_checks(bed)])


def begin(item: pytest.Item) -> None:
    """An item with markers begins, which has to do with no bed."""
    item.stash[_LEASE] = claim_for(item, wish_of(item))


def end(item: pytest.Item) -> None:
    """It is over."""
    if lease := item.stash.get(_LEASE, None):
        del item.stash[_LEASE]
        lease.release(success=not item.stash.get(FAILED, False))


def claims_of(item: pytest.Item) -> Claims:
    """The factory for an item. What its bed has is not kept from it."""
    beds = item.config.pluginmanager.get_plugin(BEDS)
    if place_of(item) and beds is not None:
        return Claims(item, beds.claim_owner)
    return Claims(item)


@functools.lru_cache(maxsize=1)
def _arbiter_of(config: pytest.Config) -> tuple[Arbiter, Project | None]:
    project = _project_of(config)
    return find_arbiter(project, progress=_Told(config)), project


class _Told(Silent):
    """Says on the terminal, or to the process that has it, what tests wait for and who gives
    way."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        channel = getattr(config, "workerinput", {}).get(CHANNEL)
        self._uplink = Uplink(channel) if channel else None

    def note(self, text: str) -> None:
        if self._uplink is not None:
            self._uplink.tell(Noted("", "", text))
            return
        manager = self._config.pluginmanager
        reporter, capture = (
            manager.get_plugin("terminalreporter"),
            manager.get_plugin("capturemanager"),
        )
        if reporter is None or self._config.option.verbose < 0:
            return
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            reporter.ensure_newline()
            reporter.write_line(f"charly: {text}")


def _project_of(config: pytest.Config) -> Project | None:
    given = config.getoption("charly_project")
    file = Path(given) if given else find_project_file(config.rootpath)
    return load_project(file) if file else None
