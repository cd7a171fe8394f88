"""A run as it might have been, with the evidence that beds leave: for the tests of its page.

Nothing of it has run: texts are made up in the form that real ones have, screens are drawn here.
"""

from __future__ import annotations

import io
import json
import random
from dataclasses import replace
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw

from charly_vm.report.evidence import list_evidence
from charly_vm.report.model import (
    AcceleratorRecord,
    BedRecord,
    CheckRecord,
    Fault,
    MismatchRecord,
    Outcome,
    RunRecord,
)

BEGAN = 1_790_000_000.0

CHECKS = (
    ("sshd-listens", "sshd listens"),
    ("root-grew", "the root file system fills the disk"),
    ("motd", "the image greets with its own message"),
    ("clock", "the clock is set by chrony"),
    ("test_nothing_failed", ""),
    ("test_package_manager", "Packages can be installed and removed again."),
)

WORDS = (
    *("Starting systemd-networkd", "Reached target", "Started OpenSSH server daemon", "Mounted"),
    *("/boot/efi", "Finished cloud-init final stage", "kernel", "listening on", "0x5b2f", "ready"),
    *("failed with result exit-code", "error:", "connection refused", "enp1s0", "virtio", "ext4"),
)


def passed(bed: str, phase: str, number: int, began: float) -> CheckRecord:
    name, title = CHECKS[number]
    where = "test_image.py" if name.startswith("test_") else f"beds/charly.yml::{bed}"
    return CheckRecord(
        id=f"{where}::{name}[{phase}]",
        phase=phase,
        name=name,
        title=title,
        where=f"beds/charly.yml:{12 + number}",
        outcome=Outcome.PASSED,
        began=began,
        seconds=0.3 + number / 10,
        waited_from=began,
        ended=began + 0.3 + number / 10,
    )


def failed(check: CheckRecord) -> CheckRecord:
    """The same, with a greeting that is another's."""
    mismatch = MismatchRecord(
        "stdout", "contains 'Welcome to the lab image'", "'Debian GNU/Linux 12 \\\\n \\\\l'"
    )
    text = f"{check.where}: {check.title}\n  stdout: expected {mismatch.expected}"
    return replace(
        check,
        outcome=Outcome.FAILED,
        fault=Fault.CHECK,
        reason=f"stdout: expected {mismatch.expected}, found {mismatch.found}",
        mismatches=(mismatch,),
        text=text,
    )


def not_had(check: CheckRecord, bed: str) -> CheckRecord:
    """The same, of a bed that did not come up."""
    text = (
        f"{bed} did not come up (deployed)\nwaited 600 s for SSH; last seen: connection refused\n"
        "  the end of the console:\n    | [  OK  ] Reached target emergency.target\n"
        "  hint: look at the console"
    )
    return replace(
        check,
        outcome=Outcome.ERROR,
        fault=Fault.BED,
        reason=text.splitlines()[1],
        text=text,
        began=0.0,
        seconds=0.0,
    )


def bed_of(name: str, began: float, *, bad: str = "") -> BedRecord:
    """A bed with both phases. `bad` is `check` or `bed` where it did not pass."""
    first = [passed(name, "deployed", number, began + 34 + number) for number in range(len(CHECKS))]
    second = [passed(name, "rebuilt", number, began + 74 + number) for number in range(len(CHECKS))]
    if bad == "check":
        first[2], second[2] = failed(first[2]), failed(second[2])
    elif bad == "bed":
        why = f"{name} did not come up"
        broken = replace(not_had(first[0], name), waited_from=began, ended=began + 40)
        first = [
            broken,
            *(replace(one, outcome=Outcome.SKIPPED, began=0.0, reason=why) for one in first[1:]),
        ]
        second = [replace(one, outcome=Outcome.SKIPPED, began=0.0, reason=why) for one in second]
    return BedRecord(name, name.replace("[", "-").rstrip("]"), (*first, *second))


def write_evidence(
    bed: BedRecord, directory: Path, began: float, *, lines: int = 400, unlike: bool = False
) -> None:
    """All that a bed leaves in both phases. To draw a screen that is `unlike` all others takes
    longer."""
    chance = random.Random(bed.name)
    for phase in bed.phases:
        place = directory / bed.directory / phase
        place.mkdir(parents=True)
        for name in ("console.log", "journal.txt", "dmesg.txt", "transcript.txt", "qemu.log"):
            text = "".join(_line(chance, number) for number in range(lines))
            (place / name).write_text(text)
        (place / "failed-units.txt").write_text("lab-greeting.service loaded failed failed Greet\n")
        (place / "network.txt").write_text("1: lo: <LOOPBACK,UP>\n2: enp1s0: <BROADCAST,UP>\n" * 20)
        (place / "qemu-command.txt").write_text("qemu-system-x86_64 -machine q35 " * 60)
        (place / "machine.json").write_text(json.dumps({"version": 1, "name": bed.name}))
        (place / "transcript.jsonl").write_text('{"command": "true"}\n' * lines)
        (place / "screen.png").write_bytes(draw_screen(f"{bed.name} {phase}" if unlike else ""))
    write_timings(bed, directory, began)
    kept = directory / bed.directory / "artifacts" / "deployed"
    kept.mkdir(parents=True)
    (kept / "etc os-release").write_text('NAME="Debian GNU/Linux"\n')


SPANS = [
    ("deployed", "build the disk", 0, 12, 0),
    ("deployed", "bootstrap", 1, 9, 1),
    ("deployed", "boot", 12, 14, 0),
    ("deployed", "wait for SSH", 14, 10, 1),
    ("deployed", "wait for cloud-init", 26, 8, 0),
    ("deployed", "checks", 34, 8, 0),
    ("rebuilt", "fresh disk", 42, 1, 0),
    ("rebuilt", "boot", 43, 31, 0),
    ("rebuilt", "checks", 74, 7, 0),
    ("removal", "remove the machine", 81, 2, 0),
]


def write_timings(bed: BedRecord, directory: Path, began: float) -> None:
    """What the engine notes of its own time; a bed that did not come up waits in vain."""
    spans = SPANS
    if bed.outcome is Outcome.ERROR:
        spans = [*SPANS[:3], ("deployed", "wait for SSH", 26, 14, 0), ("removal", "", 40, 2, 0)]
    noted = [
        {
            **{"phase": phase, "what": what, "began": began + after, "seconds": seconds},
            **{"outcome": "failed" if seconds == 14 and after == 26 else "ok", "depth": depth},
        }
        for phase, what, after, seconds, depth in spans
    ]
    facts = {"version": 1, "bed": bed.name, "entity": "debian-vm", "backend": "qemu"}
    facts |= {"accelerator": "tcg", "began": began, "spans": noted}
    (directory / bed.directory / "timings.json").write_text(json.dumps(facts))


def _line(chance: random.Random, number: int) -> str:
    words = " ".join(chance.choices(WORDS, k=chance.randint(4, 11)))
    return f"[{number / 7:11.6f}] <{chance.randrange(1 << 32):08x}> {words}\n"


@cache
def draw_screen(seed: str) -> bytes:
    """A text console of 1280 by 800, full of lines: what compresses worst among usual screens."""
    chance = random.Random(seed)
    image = Image.new("RGB", (1280, 800), "black")
    draw = ImageDraw.Draw(image)
    for row in range(0, 800, 16):
        draw.text((4, row), _line(chance, row).strip()[:150], fill=(190, 190, 190))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def write_sample(
    directory: Path,
    *,
    beds: int = 8,
    bad: tuple[str, ...] = ("", "check", "", "bed"),
    unlike: bool = False,
) -> RunRecord:
    """A run of several beds, two at a time, with its evidence; `bad` is taken in turns."""
    records = []
    for number in range(beds):
        began = BEGAN + 2 + number // 2 * 88 + number % 2 * 3
        name = f"check-debian-{number}" if number % 3 else f"check-matrix[f4{number}]"
        bed = bed_of(name, began, bad=bad[number % len(bad)])
        write_evidence(bed, directory, began, unlike=unlike)
        files = list_evidence(directory / bed.directory, since=0)
        records.append(replace(bed, files=files))
    return RunRecord(
        project="/srv/images/charly.yml",
        command="pytest --charly-bed=check-* -n2",
        host="builder.example.org",
        charly="0.1.0",
        commit="265e6f0d1c2b-dirty",
        accelerators=(
            AcceleratorRecord("kvm", False, "the probe did not end within 2 s"),
            AcceleratorRecord("tcg", True, "guest code ran"),
        ),
        began=BEGAN,
        ended=BEGAN + 4 + (beds + 1) // 2 * 88,
        beds=tuple(records),
    )
