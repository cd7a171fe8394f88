"""`timings.json` of a bed: what the engine noted about its own time. Whatever is wrong in it is
left out, since the checks' own times make a picture too."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charly_vm.report.model import Span, Timings

NAME = "timings.json"


def read_timings(file: Path, *, began: float, ended: float) -> Timings:
    """What is there of the time from `began` to `ended`; an earlier run's is not."""
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return Timings()
    if not isinstance(data, dict):
        return Timings()
    written = data.get("spans")
    given = [_span(one) for one in written] if isinstance(written, list) else []
    spans = [span for span in given if span and began - 1 <= span.began <= ended + 1]
    if given and not spans:
        return Timings()
    return Timings(
        entity=_text(data.get("entity")),
        backend=_text(data.get("backend")),
        accelerator=_text(data.get("accelerator")),
        spans=tuple(sorted(spans, key=lambda span: (span.began, span.depth))),
    )


def _span(data: Any) -> Span | None:
    if not isinstance(data, Mapping):
        return None
    began, seconds = _time(data.get("began")), _time(data.get("seconds"))
    if began is None or seconds is None:
        return None
    depth = data.get("depth", 0)
    return Span(
        phase=_text(data.get("phase")),
        what=_text(data.get("what")),
        began=began,
        seconds=seconds,
        failed=data.get("outcome") == "failed",
        depth=depth if isinstance(depth, int) and depth >= 0 else 0,
    )


def _time(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < sys.float_info.max else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
