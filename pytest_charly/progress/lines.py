"""What progress looks like: lines that stay, and the line of each bed that runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from charly_vm import format_bytes, format_seconds
from pytest_charly.progress.board import RunningBed, Task

WORTH_KNOWING = 1.0
"""Seconds from which on it is worth saying how long something took last time."""
NARROW = 20
"""Columns below which nothing can be shown."""

_BOLD, _DIM, _RED, _GREEN, _CYAN, _RESET = "1", "2", "31", "32", "36", "0"
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@dataclass(frozen=True)
class Look:
    """What the terminal can show."""

    colour: bool = False
    unicode: bool = False

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[{_RESET}m" if self.colour and text else text


def name_of(bed: str, stage: str) -> str:
    return " ".join(filter(None, [bed, stage and f"[{stage}]"]))


def start_line(bed: str, task: Task) -> str:
    size = f" ({format_bytes(task.total)})" if task.total else ""
    return f"{_prefix(bed, task.stage)}{task.text}{size} ...{_last_time(task)}"


def still_line(bed: str, task: Task, inner: Task, now: float) -> str:
    """For what takes long where there is no live line; `inner` is what it does now."""
    doing = inner.seen if inner is task else _doing(inner)
    so_far = f"{_whole(now - task.began)} so far"
    return ": ".join(filter(None, [f"{_prefix(bed, task.stage)}{task.text}", so_far, doing]))


def end_line(bed: str, task: Task, seconds: float, *, good: bool) -> str:
    took = format_seconds(seconds)
    if not good:
        seen = f": {task.seen}" if task.seen else ""
        return f"{_prefix(bed, task.stage)}{task.text}: failed after {took}{seen}"
    return f"{_prefix(bed, task.stage)}{task.text}: {took}{_size(task)}{_last_time(task)}"


def ticked_line(bed: str, task: Task, seconds: float, look: Look, *, good: bool) -> str:
    """As `end_line`, for a terminal."""
    mark = ("✓" if good else "✗") if look.unicode else ("ok" if good else "FAILED")
    name = name_of(bed, task.stage)
    return "".join(
        [
            look.paint(mark, _GREEN if good else _RED),
            f" {look.paint(name, _BOLD)}" if name else "",
            " ",
            "  " * task.depth,
            task.text,
            "  ",
            look.paint(f"{format_seconds(seconds)}{_size(task)}{_last_time(task)}", _DIM),
        ]
    )


def note_line(bed: str, stage: str, text: str, look: Look) -> str:
    line = text if bed and text.startswith(bed) else f"{_prefix(bed, stage)}{text}"
    return look.paint(line, _DIM)


def console_line(bed: str, text: str, look: Look) -> str:
    return f"{look.paint(f'{bed} |', _CYAN)} {text}"


def render_beds(
    beds: Sequence[RunningBed], now: float, look: Look, *, width: int, height: int
) -> list[str]:
    """A line per bed, none wider than `width`, and no more than `height` of them."""
    from rich.cells import cell_len, set_cell_size

    if width < NARROW or height < 1:
        return []
    shown = beds if len(beds) <= height else beds[: height - 1]
    spinner = _SPINNER[int(now * 8) % len(_SPINNER)] if look.unicode else "*"
    names = max(cell_len(bed.name) for bed in shown) if shown else 0
    stages = max((len(bed.tasks[-1].stage) for bed in shown if bed.tasks), default=0)
    rows = []
    for bed in shown:
        task = bed.tasks[-1] if bed.tasks else None
        columns = [set_cell_size(bed.name, names), f"{task.stage if task else '':{stages}}"]
        where = "".join(f"{column}  " for column in columns if column)
        rows.append((where, _doing(task) if task else "...", _elapsed(task, now) if task else ""))
    # What is done in columns too, as far as what stands beside it leaves room.
    taken = max((2 + cell_len(where) + 2 + len(time) for where, _, time in rows), default=0)
    doings = min(max((cell_len(doing) for _, doing, _ in rows), default=0), max(width - taken, 0))
    lines = [
        _fit_painted(
            [
                (f"{spinner} ", _CYAN),
                (where, _BOLD),
                (set_cell_size(doing, doings), ""),
                (f"  {time}", _DIM),
            ],
            look,
            width,
        )
        for where, doing, time in rows
    ]
    if more := len(beds) - len(shown):
        lines.append(_fit(f"  and {more} more", width))
    return lines


def _fit_painted(parts: Sequence[tuple[str, str]], look: Look, width: int) -> str:
    """The parts in their colours, cut where there is no more room."""
    from rich.cells import cell_len

    painted = []
    for text, code in parts:
        cut = _fit(text, width)
        width -= cell_len(cut)
        painted.append(look.paint(cut, code) if code else cut)
    return "".join(painted).rstrip()


def _fit(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width)


def _doing(task: Task) -> str:
    return f"{task.text}: {seen}" if (seen := task.seen or _moved(task)) else task.text


def _moved(task: Task) -> str:
    if not task.moves:
        return ""
    return format_bytes(task.done) + (f" of {format_bytes(task.total)}" if task.total else "")


def _elapsed(task: Task, now: float) -> str:
    elapsed = now - task.began
    if task.last is None or task.last < WORTH_KNOWING:
        return _whole(elapsed)
    if elapsed <= task.last:
        return f"{_whole(elapsed)} of about {_whole(task.last)}"
    return f"{_whole(elapsed)}, last time {_whole(task.last)}"


def _whole(seconds: float) -> str:
    return f"{int(seconds)} s" if seconds < 60 else format_seconds(int(seconds))


def _size(task: Task) -> str:
    return f", {format_bytes(task.done)}" if task.moves else ""


def _last_time(task: Task) -> str:
    if task.last is None or task.last < WORTH_KNOWING:
        return ""
    return f" (last time {format_seconds(task.last)})"


def _prefix(bed: str, stage: str) -> str:
    return f"{name}: " if (name := name_of(bed, stage)) else ""
