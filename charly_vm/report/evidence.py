"""The files that beds have left below the directory of evidence, and the part of each that the page
shows: all of it stays small, however many beds there are."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from charly_vm.report.model import (
    PHASES,
    BedEvidence,
    BedRecord,
    EvidenceFile,
    Picture,
    RunRecord,
)
from charly_vm.report.picture import SUFFIXES, embed_picture
from charly_vm.report.text import last_lines, readable
from charly_vm.report.timings import NAME as TIMINGS
from charly_vm.report.timings import read_timings

PAGE_BYTES = 3_800_000
"""For all that the page shows of evidence."""

PHASE_BYTES = 192 * 1024
"""And for that of one phase of a bed, where there are few."""

TEXT_BYTES = 8 * 1024
"""And of one file."""

_PICTURES = 0.4
"""The part of a phase's bytes that its pictures may have."""

_MOST_FILES = 500
_MOST_PICTURES = 8
_READ_BYTES = 128 * 1024
_JOURNAL_BYTES = 1024 * 1024
"""What is looked at; of the journal it is more, since the lines of interest are few."""

ARTIFACTS = "artifacts"
JOURNAL = "journal.txt"

_TITLES = {
    "screen.png": "Screen",
    "transcript.txt": "What ran in the guest",
    "console.log": "Serial console",
    "failed-units.txt": "Failed units",
    JOURNAL: "Journal",
    "cloud-init-result.json": "cloud-init: the result",
    "cloud-init-status.json": "cloud-init: the stages",
    "cloud-init-output.log": "cloud-init: what its commands said",
    "cloud-init.log": "cloud-init",
    "dmesg.txt": "Kernel messages",
    "network.txt": "Network",
    "system.txt": "Memory, disks, processes",
    "qemu.log": "QEMU's log",
    "domain.xml": "libvirt's domain",
    "qemu-command.txt": "QEMU's command",
    "missing.txt": "What could not be had",
    "machine.json": "The machine's record",
    "transcript.jsonl": "What ran in the guest, for programs",
}
_ORDER = list(_TITLES)
_FROM_THE_TOP = (
    "domain.xml",
    "qemu-command.txt",
    "cloud-init-result.json",
    "cloud-init-status.json",
)
_LINK_ONLY = ("machine.json", "transcript.jsonl")
_TROUBLE = re.compile(
    r"\b(?:fail\w*|error\w*|panic\w*|fatal|critical|denied|refused|timed out|timeout|segfault"
    r"|oops|killed process|emergency)\b",
    re.IGNORECASE,
)


def list_evidence(directory: Path, *, since: float) -> tuple[str, ...]:
    """The files below a bed's directory that were written after `since`, relative to it.

    Older ones are of an earlier run, in which the bed failed as it did not in this one.
    """
    found = []
    for place, directories, names in os.walk(directory):
        directories.sort()
        for name in sorted(names):
            file = Path(place, name)
            relative = file.relative_to(directory).as_posix()
            if name.startswith(".") or relative == TIMINGS or file.is_symlink():
                continue
            # File systems keep coarser times than clocks.
            if file.stat().st_mtime >= since - 1:
                found.append(relative)
    return tuple(found[:_MOST_FILES])


def gather_evidence(run: RunRecord, directory: Path) -> dict[str, BedEvidence]:
    """What is there to look at, by the names of beds. What has been removed since is left out."""
    phases = {(bed.name, _phase_of(path)) for bed in run.beds for path in bed.files}
    limit = min(PHASE_BYTES, PAGE_BYTES // max(1, len(phases)))

    def look(bed: BedRecord) -> BedEvidence:
        file = directory / bed.directory / TIMINGS
        timings = read_timings(file, began=run.began, ended=run.ended)
        return BedEvidence(timings, tuple(_files_of(bed, directory, limit)))

    # Nearly all of the time goes into pictures, and what reads and writes those lets others run.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip((bed.name for bed in run.beds), pool.map(look, run.beds), strict=True))


def _files_of(bed: BedRecord, directory: Path, limit: int) -> Iterable[EvidenceFile]:
    phases = dict.fromkeys([*PHASES, *map(_phase_of, bed.files)])
    for phase in phases:
        here = [path for path in bed.files if _phase_of(path) == phase]
        there = [_Found(phase, path, directory / bed.directory / path) for path in here]
        there = [one for one in there if one.file.is_file()]
        yield from _show(bed, sorted(there, key=_Found.place), limit)


@dataclass(frozen=True)
class _Found:
    phase: str
    path: str
    file: Path

    @property
    def title(self) -> str:
        if self.path.startswith(f"{ARTIFACTS}/"):
            return self.path.removeprefix(f"{ARTIFACTS}/{self.phase}/")
        return _TITLES.get(self.file.name, self.file.name)

    def place(self) -> tuple[bool, int, str]:
        name = self.file.name
        known = _ORDER.index(name) if name in _ORDER else len(_ORDER)
        return (self.path.startswith(f"{ARTIFACTS}/"), known, self.path)


def _phase_of(path: str) -> str:
    parts = path.split("/")
    if parts[0] == ARTIFACTS and len(parts) > 2:
        return parts[1]
    return parts[0] if len(parts) > 1 else ""


def _show(bed: BedRecord, there: Sequence[_Found], limit: int) -> list[EvidenceFile]:
    pictures = _pictures(there, int(limit * _PICTURES))
    left = limit - sum(len(picture.uri) for picture in pictures.values())
    texts = _texts([one for one in there if one not in pictures], left)
    return [
        EvidenceFile(
            f"{bed.directory}/{one.path}",
            one.phase,
            one.title,
            one.file.stat().st_size,
            *texts.get(one, ("", "")),
            picture=pictures.get(one),
        )
        for one in there
    ]


def _pictures(there: Sequence[_Found], limit: int) -> dict[_Found, Picture]:
    files = [one for one in there if one.file.suffix.lower() in SUFFIXES][:_MOST_PICTURES]
    shown = {one: embed_picture(one.file, limit // len(files)) for one in files}
    return {one: picture for one, picture in shown.items() if picture}


def _texts(there: Sequence[_Found], limit: int) -> dict[_Found, tuple[str, str]]:
    """Of each file what is shown, and which part of it that is. Small ones leave room to others."""
    read = {one: _read(one.file) for one in there if one.file.name not in _LINK_ONLY}
    texts = {one: text for one, text in read.items() if text is not None and text.strip()}
    shown = {}
    by_size = sorted(texts, key=lambda one: len(texts[one]))
    for number, one in enumerate(by_size):
        share = min(TEXT_BYTES, limit // (len(by_size) - number))
        shown[one] = _part(one.file, texts[one], share)
        limit -= _cost(shown[one][0])
    return shown


def _read(file: Path) -> str | None:
    """The end of a file, or its beginning where that says more; None where it is no text."""
    try:
        with file.open("rb") as stream:
            if file.name not in _FROM_THE_TOP:
                stream.seek(max(0, file.stat().st_size - _most(file)))
            data = stream.read(_most(file))
    except OSError:
        return None
    # A console may hold anything; a file of another name with zeros in it is no text.
    if b"\0" in data and file.name not in _TITLES:
        return None
    return readable(data.decode(errors="replace"))


def _most(file: Path) -> int:
    return _JOURNAL_BYTES if file.name == JOURNAL else _READ_BYTES


def _part(file: Path, text: str, limit: int) -> tuple[str, str]:
    whole = file.stat().st_size <= _most(file)
    if whole and _cost(text) <= limit:
        return text, ""
    if file.name in _FROM_THE_TOP:
        return _fit(text[:limit], limit, from_the_end=False), "the beginning"
    if file.name == JOURNAL:
        trouble = "\n".join(line for line in text.splitlines() if _TROUBLE.search(line))
        if trouble:
            return _fit(trouble, limit), "the last lines that speak of trouble"
    return _fit(text, limit), "the end"


def _fit(text: str, limit: int, *, from_the_end: bool = True) -> str:
    """As much as costs at most `limit` bytes as HTML."""
    cut = last_lines(text, limit) if from_the_end else text[:limit]
    while (cost := _cost(cut)) > limit:
        size = int(len(cut) * limit / cost) - 1
        cut = last_lines(cut, size) if from_the_end else cut[:size]
    return cut


def _cost(text: str) -> int:
    return len(html.escape(text).encode(errors="replace"))
