"""kill -9, Ctrl-C and two at once: nothing is lost, left running or left locked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from workspace import Workspace, workspace

pytestmark = pytest.mark.live

MOMENTS = {
    "the record is written": ("creating",),
    "the guest boots": ("creating", "created"),
    "the rebuild begins": ("created", "creating"),
}
"""The stages that a run's record has gone through."""


@pytest.fixture
def place(tiny_image: Path) -> Iterator[Workspace]:
    with workspace(tiny_image, "qemu") as made:
        yield made


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_is_killed_is_found_and_removed(place: Workspace, moment: str) -> None:
    run = place.start("check", "run", "check-tiny")
    for stage in MOMENTS[moment]:
        # A stage may be over between two looks; then the run ends well and leaves nothing either.
        place.wait_for(moment, lambda stage=stage: place.stage() == stage or run.has_ended)
    run.kill()
    assert run.output.count("Traceback") == 0
    listed = place.charly("vm", "list", "-a", "--json")
    if place.record():
        [machine] = json.loads(listed.stdout)
        assert machine["left_over"]
        assert "charly vm prune" in listed.stderr
    pruned = place.charly("vm", "prune")
    assert pruned.status == 0, pruned.stderr
    assert place.is_clean()
    assert json.loads(place.charly("vm", "list", "-a", "--json").stdout) == []


def test_a_run_that_is_killed_as_its_emulator_starts_is_found_and_removed(
    place: Workspace,
) -> None:
    run = place.start("check", "run", "check-tiny")
    place.wait_for("the emulator", lambda: bool(place.emulators()))
    run.kill()
    assert place.charly("vm", "prune").status == 0
    assert place.is_clean()


@pytest.fixture(params=["qemu", pytest.param("libvirt", marks=pytest.mark.session)])
def there(request: pytest.FixtureRequest, tiny_image: Path) -> Iterator[Workspace]:
    with workspace(tiny_image, request.param) as made:
        yield made


def test_after_a_kill_the_same_bed_runs_again_without_help(there: Workspace) -> None:
    place = there
    first = place.start("check", "run", "check-tiny")
    place.wait_for("the guest boots", lambda: place.stage() == "created")
    first.kill()
    assert place.emulators() != []
    again = place.charly("check", "run", "check-tiny", "--charly-no-rebuild")
    assert again.status == 0, again.stdout + again.stderr
    assert "was left over by" in again.stdout
    assert place.is_clean()


def test_ctrl_c_tears_the_bed_down(place: Workspace) -> None:
    run = place.start("check", "run", "check-tiny")
    place.wait_for("the guest boots", lambda: place.stage() == "created")
    run.interrupt()
    assert run.wait(30) == 1
    assert "Traceback" not in run.output
    assert place.is_clean()


def test_a_second_run_of_the_same_bed_waits_for_the_first(place: Workspace) -> None:
    first = place.start("check", "run", "check-tiny", "--charly-no-rebuild")
    place.wait_for("the guest boots", lambda: place.stage() == "created")
    second = place.start("check", "run", "check-tiny", "--charly-no-rebuild")
    assert first.wait(120) == 0, place.state()
    assert second.wait(120) == 0, place.state()
    assert "charly-check-tiny is in use by charly check run check-tiny" in second.output
    assert place.is_clean()


def test_a_command_on_a_machine_in_use_names_the_holder(place: Workspace) -> None:
    run = place.start("check", "run", "check-tiny")
    place.wait_for("the guest boots", lambda: place.stage() == "created")
    refused = place.charly("vm", "destroy", "check-tiny", "--disk")
    assert refused.status == 1
    assert "is in use by charly check run check-tiny (pid" in refused.stderr
    assert not run.has_ended
    run.interrupt()
    assert run.wait(60) == 1, place.state()
    assert place.is_clean()


def test_a_machine_made_by_hand_is_never_taken_for_a_bed(place: Workspace) -> None:
    assert place.charly("vm", "create", "check-tiny").status == 0
    refused = place.charly("check", "run", "check-tiny")
    assert refused.status == 1
    assert "it was made by charly vm create check-tiny" in refused.stdout
    assert place.charly("vm", "prune").stdout == "nothing to remove\n"
    assert place.emulators() != []


def test_a_disk_that_was_kept_is_never_taken_for_a_bed(place: Workspace) -> None:
    assert place.charly("vm", "create", "check-tiny").status == 0
    assert place.charly("vm", "destroy", "check-tiny").status == 0
    refused = place.charly("check", "run", "check-tiny")
    assert refused.status == 1
    assert "the disk of check-tiny was kept, and a bed needs a fresh one" in refused.stdout
    assert (place.machines / "charly-check-tiny" / "disk.qcow2").exists()
    assert place.charly("vm", "destroy", "check-tiny", "--disk").status == 0
    assert place.is_clean()


def test_a_disk_of_another_project_is_not_taken(place: Workspace) -> None:
    assert place.charly("vm", "create", "tiny").status == 0
    assert place.charly("vm", "destroy", "tiny").status == 0
    other = place.directory / "other" / "charly.yml"
    other.parent.mkdir()
    other.write_text(place.project.read_text())
    refused = place.charly("--project", str(other), "vm", "create", "tiny")
    assert refused.status == 1
    assert f"charly-tiny belongs to tiny of {place.project}" in refused.stderr
