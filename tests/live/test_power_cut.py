"""kill -9, Ctrl-C and two at once: nothing is lost, left running or left locked."""

from __future__ import annotations

import json

import pytest
from workspace import Workspace

pytestmark = pytest.mark.live

MOMENTS = {
    "the record is written": ("creating",),
    "the guest boots": ("creating", "created"),
    "the rebuild begins": ("created", "creating"),
}
"""The stages that a run's record has gone through."""


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_is_killed_is_found_and_removed(here: Workspace, moment: str) -> None:
    run = here.start("check", "run", "check-tiny")
    for stage in MOMENTS[moment]:
        # A stage may be over between two looks; then the run ends well and leaves nothing either.
        here.wait_for(moment, lambda stage=stage: here.stage() == stage or run.has_ended)
    run.kill()
    assert run.output.count("Traceback") == 0
    listed = here.charly("vm", "list", "-a", "--json")
    if here.record():
        [machine] = json.loads(listed.stdout)
        assert machine["left_over"]
        assert "charly vm prune" in listed.stderr
    pruned = here.charly("vm", "prune")
    assert pruned.status == 0, pruned.stderr
    assert here.is_clean()
    assert json.loads(here.charly("vm", "list", "-a", "--json").stdout) == []


def test_a_run_that_is_killed_as_its_emulator_starts_is_found_and_removed(
    here: Workspace,
) -> None:
    run = here.start("check", "run", "check-tiny")
    here.wait_for("the emulator", lambda: bool(here.emulators()))
    run.kill()
    assert here.charly("vm", "prune").status == 0
    assert here.is_clean()


def test_after_a_kill_the_same_bed_runs_again_without_help(there: Workspace) -> None:
    first = there.start("check", "run", "check-tiny")
    there.wait_for("the guest boots", lambda: there.stage() == "created")
    first.kill()
    assert there.emulators() != []
    again = there.charly("check", "run", "check-tiny", "--charly-no-rebuild")
    assert again.status == 0, again.stdout + again.stderr
    assert "was left over by" in again.stdout
    assert there.is_clean()


def test_ctrl_c_tears_the_bed_down(here: Workspace) -> None:
    run = here.start("check", "run", "check-tiny")
    here.wait_for("the guest boots", lambda: here.stage() == "created")
    run.interrupt()
    assert run.wait(30) == 1
    assert "Traceback" not in run.output
    assert here.is_clean()


def test_a_second_run_of_the_same_bed_waits_for_the_first(here: Workspace) -> None:
    first = here.start("check", "run", "check-tiny", "--charly-no-rebuild")
    here.wait_for("the guest boots", lambda: here.stage() == "created")
    second = here.start("check", "run", "check-tiny", "--charly-no-rebuild")
    assert first.wait(120) == 0, here.state()
    assert second.wait(120) == 0, here.state()
    assert "charly-check-tiny is in use by charly check run check-tiny" in second.output
    assert here.is_clean()


def test_a_command_on_a_machine_in_use_names_the_holder(here: Workspace) -> None:
    with here.project.open("a") as project:
        project.write("  stays: {check: it is busy for as long as this, command: sleep 600}\n")
    run = here.start("check", "run", "check-tiny")
    here.wait_for("the guest boots", lambda: here.stage() == "created")
    refused = here.charly("vm", "destroy", "check-tiny", "--disk")
    assert refused.status == 1
    assert "is in use by charly check run check-tiny (pid" in refused.stderr
    assert not run.has_ended
    run.interrupt()
    assert run.wait(60) == 1, here.state()
    assert here.is_clean()


def test_a_machine_made_by_hand_is_never_taken_for_a_bed(here: Workspace) -> None:
    assert here.charly("vm", "create", "check-tiny").status == 0
    refused = here.charly("check", "run", "check-tiny")
    assert refused.status == 1
    assert "it was made by charly vm create check-tiny" in refused.stdout
    assert here.charly("vm", "prune").stdout == "nothing to remove\n"
    assert here.emulators() != []


def test_a_disk_that_was_kept_is_never_taken_for_a_bed(here: Workspace) -> None:
    assert here.charly("vm", "create", "check-tiny").status == 0
    assert here.charly("vm", "destroy", "check-tiny").status == 0
    refused = here.charly("check", "run", "check-tiny")
    assert refused.status == 1
    assert "the disk of check-tiny was kept, and a bed needs a fresh one" in refused.stdout
    assert (here.machines / "charly-check-tiny" / "disk.qcow2").exists()
    assert here.charly("vm", "destroy", "check-tiny", "--disk").status == 0
    assert here.is_clean()


def test_a_disk_of_another_project_is_not_taken(here: Workspace) -> None:
    assert here.charly("vm", "create", "tiny").status == 0
    assert here.charly("vm", "destroy", "tiny").status == 0
    other = here.directory / "other" / "charly.yml"
    other.parent.mkdir()
    other.write_text(here.project.read_text())
    refused = here.charly("--project", str(other), "vm", "create", "tiny")
    assert refused.status == 1
    assert f"charly-tiny belongs to tiny of {here.project}" in refused.stderr
