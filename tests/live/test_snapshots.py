"""Snapshots of a guest that lives, by the command line, on both backends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from workspace import Workspace, workspace

pytestmark = pytest.mark.live

WISHES = """\
    snapshot:
      - {name: clean, description: as delivered}
      - {name: tuned, from: clean, description: tuned by hand, mode: internal}
"""


@pytest.fixture(params=["qemu", pytest.param("libvirt", marks=pytest.mark.session)])
def place(request: pytest.FixtureRequest, tiny_image: Path) -> Iterator[Workspace]:
    with workspace(tiny_image, request.param) as made:
        text = made.project.read_text()
        made.project.write_text(text.replace("    cpu: 1\n", f"    cpu: 1\n{WISHES}", 1))
        _good(made, "vm", "create", "tiny", "--wait")
        yield made


def _good(place: Workspace, *words: str) -> str:
    done = place.charly(*words)
    assert done.status == 0, done.stderr
    return done.stdout


def _guest(place: Workspace, command: str) -> str:
    return _good(place, "vm", "ssh", "tiny", "--", command)


def _listed(place: Workspace) -> dict[str, dict[str, Any]]:
    rows = json.loads(_good(place, "vm", "snapshot", "list", "tiny", "--json"))
    return {row["name"]: row for row in rows}


def test_a_guest_goes_back_to_what_it_was(place: Workspace) -> None:
    # What the entity names is known before it is there.
    assert _listed(place)["clean"]["holds"] == "not taken yet"
    refused = place.charly("vm", "snapshot", "create", "tiny", "tuned")
    assert "tuned has to be taken from clean" in refused.stderr

    _guest(place, "echo 1 >/disk/one; sync")
    _good(place, "vm", "snapshot", "create", "tiny", "clean")
    clean = _listed(place)["clean"]
    assert (clean["mode"], clean["description"]) == ("external", "as delivered")
    assert clean["current"]

    _guest(place, "echo 2 >/disk/two; touch /run/in-memory; sync")
    _good(place, "vm", "snapshot", "create", "tiny", "tuned")
    tuned = _listed(place)["tuned"]
    assert (tuned["mode"], tuned["holds"]) == ("internal", "disk and memory")
    _guest(place, "rm /disk/two /run/in-memory; sync")
    assert "back at tuned, running" in _good(place, "vm", "snapshot", "revert", "tiny", "tuned")
    assert _guest(place, "cat /disk/two; ls /run/in-memory") == "2\n/run/in-memory\n"

    lost = place.charly("vm", "snapshot", "revert", "tiny", "clean")
    assert "would be lost: tuned" in lost.stderr
    _good(place, "vm", "snapshot", "delete", "tiny", "tuned")
    assert "back at clean, running" in _good(place, "vm", "snapshot", "revert", "tiny", "clean")
    _good(place, "vm", "start", "tiny", "--wait")
    assert _guest(place, "cat /disk/one; [ -e /disk/two ] || echo gone") == "1\ngone\n"

    # The disk with its snapshots outlives the machine.
    _good(place, "vm", "stop", "tiny")
    _good(place, "vm", "destroy", "tiny")
    _good(place, "vm", "create", "tiny")
    assert _listed(place)["clean"]["current"]
    _good(place, "vm", "stop", "tiny", "--force")
    _good(place, "vm", "snapshot", "delete", "tiny", "clean")
    _good(place, "vm", "start", "tiny", "--wait")
    assert _guest(place, "cat /disk/one") == "1\n"
