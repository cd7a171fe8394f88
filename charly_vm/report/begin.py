"""What is known of a run when it begins: who runs what, where, with which charly."""

from __future__ import annotations

import platform
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from charly_vm.host.git import find_commit
from charly_vm.machine.ownership import this_process
from charly_vm.machine.records import Purpose
from charly_vm.machine.survey import survey
from charly_vm.report.model import AcceleratorRecord, RunRecord


def begin_run(project: Path) -> RunRecord:
    """The record of a run of this process that begins now, without beds."""
    now = time.time()
    return RunRecord(
        project=str(project),
        command=this_process(Purpose.BED).command,
        host=_host(),
        charly=version("charly-vm"),
        commit=find_commit(project.parent),
        accelerators=tuple(
            AcceleratorRecord(one.name, one.works, one.reason) for one in survey().accelerators
        ),
        began=now,
        ended=now,
        beds=(),
    )


def _host() -> str:
    known = [platform.node(), platform.machine()]
    with suppress(OSError):
        known.insert(1, platform.freedesktop_os_release().get("PRETTY_NAME", ""))
    return ", ".join(filter(None, known))
