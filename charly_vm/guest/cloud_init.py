"""What cloud-init says about itself in a guest, without starting it there: under TCG `cloud-init
status` takes seconds of the time in which the guest boots."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

LOG = "/var/log/cloud-init.log"
OUTPUT_LOG = "/var/log/cloud-init-output.log"

# The files are those that `cloud-init status` reads; /run is empty at the start of each boot.
# result.json comes last. Where cloud-final.service fails without it, it will never come.
_LOOK = """\
look() {
    if [ -e /run/cloud-init/result.json ]; then state=finished
    elif [ -e /run/cloud-init/disabled ]; then state=disabled
    elif [ ! -d /run/cloud-init ] && ! command -v cloud-init >/dev/null; then state=absent
    else state=running; fi
}
for attempt in $(seq TIMES); do
    look
    [ $state = running ] || break
    sleep 0.5 2>/dev/null || sleep 1
done
if [ $state = running ] && systemctl --quiet is-failed cloud-final.service 2>/dev/null; then
    look
    [ $state = running ] && state=crashed
fi
document() { cat "$1" 2>/dev/null || echo null; }
echo "{\\"state\\": \\"$state\\", \\"status\\": $(document /run/cloud-init/status.json)}"
"""

# Both logs are for root and the group adm. ci-info draws the network's tables.
_EXCERPTS = f"""\
as_root() {{ "$@" 2>/dev/null || sudo -n "$@" 2>/dev/null; }}
as_root grep -E '\\[(WARNING|ERROR|CRITICAL)\\]' {LOG} | tail -n 20
printf '\\036'
as_root cat {OUTPUT_LOG} | grep -v '^ci-info:' | tail -n 20
"""


class State(str, Enum):
    """How far cloud-init is in this boot."""

    ABSENT = "absent"
    DISABLED = "disabled"
    RUNNING = "running"
    FINISHED = "finished"
    CRASHED = "crashed"
    """Its last service failed before it could write a result."""


@dataclass(frozen=True, slots=True)
class Report:
    """`stage` is the one that runs, empty between stages. `errors` and `warnings` name theirs."""

    state: State
    stage: str
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def render_look(seconds: float) -> str:
    """A shell command that prints a report for `parse_report`: as soon as cloud-init is no longer
    running, at the latest after so many seconds."""
    return _LOOK.replace("TIMES", str(max(1, round(seconds * 2))))


def render_excerpts() -> str:
    """A shell command that prints what `parse_excerpts` takes apart."""
    return _EXCERPTS


def parse_report(text: str) -> Report:
    """Raises ValueError where the text is no report."""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("not a mapping")
    status = _mapping(_mapping(document.get("status")).get("v1"))
    stages = {name: stage for name, stage in status.items() if isinstance(stage, dict)}
    errors = [
        f"{name}: {error}" for name, stage in stages.items() for error in stage.get("errors") or ()
    ]
    warnings = [
        f"cloud-init {name}: {level}: {text}"
        for name, stage in stages.items()
        for level, texts in _mapping(stage.get("recoverable_errors")).items()
        for text in texts
    ]
    return Report(
        State(document.get("state")), status.get("stage") or "", tuple(errors), tuple(warnings)
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def parse_excerpts(text: str) -> dict[str, str]:
    """Titles and texts of what the logs say about a failure."""
    warnings, _, output = text.partition("\036")
    return {f"warnings and errors in {LOG}": warnings, f"the end of {OUTPUT_LOG}": output}
