"""The engine: from a few lines of YAML to a running machine, and back to nothing.

    from charly_vm import BedRun, load_project

    project = load_project(Path("charly.yml"))
    run = BedRun(project, project.deploys["check-debian-vm"], evidence=Path("evidence"))
    machine = run.bring_up()
    machine.guest.run("uname -a").stdout_text
    run.tear_down()

These are the public names; each is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charly_vm.arbiter.claiming import CLAIM_SECONDS, Arbiter, Lease
    from charly_vm.arbiter.wish import Wish, make_wish, unite
    from charly_vm.check.guest_view import GuestView
    from charly_vm.check.result import StepResult
    from charly_vm.check.selection import with_needed
    from charly_vm.check.steps import require_runnable, run_step
    from charly_vm.errors import (
        CharlyError,
        ClaimUnavailable,
        GuestError,
        GuestTimeout,
        HostError,
        LaunchError,
        LeaseUnavailable,
        Problem,
        SpecError,
        StateError,
    )
    from charly_vm.guest.console_log import ConsoleLog
    from charly_vm.guest.testinfra_host import make_testinfra_host
    from charly_vm.guest.transcript import Entry
    from charly_vm.host.amounts import format_bytes, format_seconds
    from charly_vm.host.durations import Durations
    from charly_vm.host.facts import Facts
    from charly_vm.host.progress import SILENT, Progress, Seen, Silent
    from charly_vm.host.terminal import progress_on
    from charly_vm.machine.arbitration import find_arbiter, require_amounts, this_claimant
    from charly_vm.machine.bed import BedRun, describe_entry, require_disposable
    from charly_vm.machine.create import create_machine, rebuild_machine
    from charly_vm.machine.expiry import remove_expired
    from charly_vm.machine.machine import Machine, find_machine, require_machine
    from charly_vm.machine.ownership import own_machine
    from charly_vm.machine.probes import libvirt_probe_of, spice_probe_of
    from charly_vm.machine.prune import prune, prune_left_over
    from charly_vm.machine.survey import survey
    from charly_vm.machine.variants import targets_of, with_images
    from charly_vm.machine.wishes import find_near_misses, wish_of_bed
    from charly_vm.model.declared import declare_bed
    from charly_vm.model.deploy import DeployNode
    from charly_vm.model.project import Project, Target, find_project_file, load_project
    from charly_vm.model.quantities import format_duration, parse_duration
    from charly_vm.model.step import Step
    from charly_vm.model.variants import Variant, image_variant
    from charly_vm.report.begin import begin_run
    from charly_vm.report.index import write_report
    from charly_vm.report.model import (
        BedRecord,
        CheckRecord,
        Fault,
        MismatchRecord,
        Outcome,
        RunRecord,
    )
    from charly_vm.report.run_file import EVIDENCE_DIRECTORY

_HOMES = {
    "charly_vm.arbiter.claiming": ("CLAIM_SECONDS", "Arbiter", "Lease"),
    "charly_vm.arbiter.wish": ("Wish", "make_wish", "unite"),
    "charly_vm.check.guest_view": ("GuestView",),
    "charly_vm.check.result": ("StepResult",),
    "charly_vm.check.selection": ("with_needed",),
    "charly_vm.check.steps": ("require_runnable", "run_step"),
    "charly_vm.errors": (
        *("CharlyError", "GuestError", "GuestTimeout", "HostError", "LaunchError"),
        *("ClaimUnavailable", "LeaseUnavailable", "Problem", "SpecError", "StateError"),
    ),
    "charly_vm.guest.console_log": ("ConsoleLog",),
    "charly_vm.guest.testinfra_host": ("make_testinfra_host",),
    "charly_vm.guest.transcript": ("Entry",),
    "charly_vm.host.amounts": ("format_bytes", "format_seconds"),
    "charly_vm.host.durations": ("Durations",),
    "charly_vm.host.facts": ("Facts",),
    "charly_vm.host.progress": ("SILENT", "Progress", "Seen", "Silent"),
    "charly_vm.host.terminal": ("progress_on",),
    "charly_vm.machine.arbitration": ("find_arbiter", "require_amounts", "this_claimant"),
    "charly_vm.machine.bed": ("BedRun", "describe_entry", "require_disposable"),
    "charly_vm.machine.create": ("create_machine", "rebuild_machine"),
    "charly_vm.machine.expiry": ("remove_expired",),
    "charly_vm.machine.machine": ("Machine", "find_machine", "require_machine"),
    "charly_vm.machine.ownership": ("own_machine",),
    "charly_vm.machine.probes": ("libvirt_probe_of", "spice_probe_of"),
    "charly_vm.machine.prune": ("prune", "prune_left_over"),
    "charly_vm.machine.survey": ("survey",),
    "charly_vm.machine.variants": ("targets_of", "with_images"),
    "charly_vm.machine.wishes": ("find_near_misses", "wish_of_bed"),
    "charly_vm.model.declared": ("declare_bed",),
    "charly_vm.model.deploy": ("DeployNode",),
    "charly_vm.model.project": ("Project", "Target", "find_project_file", "load_project"),
    "charly_vm.model.quantities": ("format_duration", "parse_duration"),
    "charly_vm.model.step": ("Step",),
    "charly_vm.model.variants": ("Variant", "image_variant"),
    "charly_vm.report.begin": ("begin_run",),
    "charly_vm.report.index": ("write_report",),
    "charly_vm.report.model": (
        *("BedRecord", "CheckRecord", "Fault", "MismatchRecord", "Outcome", "RunRecord"),
    ),
    "charly_vm.report.run_file": ("EVIDENCE_DIRECTORY",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CLAIM_SECONDS",
    "EVIDENCE_DIRECTORY",
    "SILENT",
    "Arbiter",
    "BedRecord",
    "BedRun",
    "CharlyError",
    "CheckRecord",
    "ClaimUnavailable",
    "ConsoleLog",
    "DeployNode",
    "Durations",
    "Entry",
    "Facts",
    "Fault",
    "GuestError",
    "GuestTimeout",
    "GuestView",
    "HostError",
    "LaunchError",
    "Lease",
    "LeaseUnavailable",
    "Machine",
    "MismatchRecord",
    "Outcome",
    "Problem",
    "Progress",
    "Project",
    "RunRecord",
    "Seen",
    "Silent",
    "SpecError",
    "StateError",
    "Step",
    "StepResult",
    "Target",
    "Variant",
    "Wish",
    "begin_run",
    "create_machine",
    "declare_bed",
    "describe_entry",
    "find_arbiter",
    "find_machine",
    "find_near_misses",
    "find_project_file",
    "format_bytes",
    "format_duration",
    "format_seconds",
    "image_variant",
    "libvirt_probe_of",
    "load_project",
    "make_testinfra_host",
    "make_wish",
    "own_machine",
    "parse_duration",
    "progress_on",
    "prune",
    "prune_left_over",
    "rebuild_machine",
    "remove_expired",
    "require_amounts",
    "require_disposable",
    "require_machine",
    "require_runnable",
    "run_step",
    "spice_probe_of",
    "survey",
    "targets_of",
    "this_claimant",
    "unite",
    "wish_of_bed",
    "with_images",
    "with_needed",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)
