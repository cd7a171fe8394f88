"""Evidence of a machine that is not there, and what a bed's directory promises. What a guest says
is the live tests' matter; the questions are put to this host in its place."""

from __future__ import annotations

import dataclasses
import json
import resource
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from machine_samples import sample_record

from charly_vm.errors import HostError
from charly_vm.host.background import BackgroundCall
from charly_vm.host.process import run
from charly_vm.host.progress import SILENT
from charly_vm.host.waiting import Deadline
from charly_vm.machine.evidence.collect import collect_evidence
from charly_vm.machine.evidence.of_bed import REBUILT, REMOVAL, BedEvidence
from charly_vm.machine.evidence.questions import (
    BECOME_ROOT,
    QUESTIONS,
    Question,
    cut_to,
    last_line,
    render_script,
)
from charly_vm.machine.evidence.redaction import redact, redact_json
from charly_vm.machine.machine import Machine
from charly_vm.machine.records import record_as_json
from charly_vm.model.block import Block


@pytest.fixture
def machine() -> Machine:
    return Machine(sample_record())


@pytest.fixture
def bed(tmp_path: Path) -> BedEvidence:
    return BedEvidence(tmp_path / "ev", "check-x", "shape", SILENT)


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """Stands in for a full disk: the kernel lets no file grow beyond `size`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_machine_that_is_not_there_leaves_what_is_known(machine: Machine, tmp_path: Path) -> None:
    log = machine.record.machine.paths.console_log
    log.parent.mkdir(parents=True)
    log.write_text("the last words\n")
    old = tmp_path / "ev" / "old"
    old.parent.mkdir()
    old.write_text("of an earlier run")
    written = collect_evidence(machine, tmp_path / "ev")
    assert [path.name for path in written] == ["machine.json", "console.log", "missing.txt"]
    assert set(written) == set((tmp_path / "ev").iterdir())
    assert (tmp_path / "ev" / "console.log").read_text() == "the last words\n"
    missing = json.loads((tmp_path / "ev" / "missing.txt").read_text())
    assert missing == {
        "qemu.log": "the emulator has said nothing",
        "qemu-command.txt": "charly-sample is not defined",
        "screen.png": "charly-sample is not running, so it has no screen",
        "guest": "the machine is missing",
    }


def test_of_a_long_console_the_end_is_kept_and_the_cut_is_said(
    machine: Machine, tmp_path: Path
) -> None:
    log = machine.record.machine.paths.console_log
    log.parent.mkdir(parents=True)
    log.write_bytes(b"a line of the console\n" * 300_000 + b"the end\n")
    collect_evidence(machine, tmp_path / "ev")
    first, second, *_, last = (tmp_path / "ev" / "console.log").read_text().splitlines()
    assert first.startswith("[cut: these are the last 41")
    assert (second, last) == ("a line of the console", "the end")
    assert (tmp_path / "ev" / "console.log").stat().st_size < 4.1 * 1024**2


def test_on_a_full_disk_it_is_one_error_and_what_has_room_is_there(
    machine: Machine, tmp_path: Path
) -> None:
    log = machine.record.machine.paths.console_log
    log.parent.mkdir(parents=True)
    log.write_bytes(bytes(100_000))
    with small_files(20_000), pytest.raises(HostError) as caught:
        collect_evidence(machine, tmp_path / "ev")
    assert caught.value.message.startswith(f"cannot write {tmp_path / 'ev' / 'console.log'}: ")
    names = {path.name for path in (tmp_path / "ev").iterdir()}
    assert names == {"machine.json", "missing.txt"}


def test_a_directory_that_cannot_be_written_is_an_error_before_anything_runs(
    tmp_path: Path,
) -> None:
    (tmp_path / "ev").write_text("a file")
    with pytest.raises(HostError, match="cannot create the directory"):
        BedEvidence(tmp_path / "ev", "check-x", "shape", SILENT).begin()


def test_a_run_begins_with_an_empty_directory_of_its_own(bed: BedEvidence, tmp_path: Path) -> None:
    for name in ("deployed/journal.txt", "artifacts/deployed/x/y", "timings.json"):
        path = bed.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "ev" / "run.json").touch()
    bed.begin()
    assert list(bed.directory.iterdir()) == []
    assert stat.S_IMODE(bed.directory.stat().st_mode) == 0o700
    assert {path.name for path in (tmp_path / "ev").iterdir()} == {
        *(".gitignore", "check-x", "run.json")
    }


def test_the_timings_tell_of_every_phase_and_of_the_checks_between(
    bed: BedEvidence, machine: Machine
) -> None:
    bed.store_timings()
    assert not bed.directory.exists()
    bed.begin()
    with bed.timings.phase("booting"):
        pass
    bed.watch(machine)
    bed.begin_checks()
    bed.collect(machine, "deployed", failed=True)
    stored = json.loads((bed.directory / "timings.json").read_text())
    assert stored["spans"][1]["outcome"] == "running"
    bed.enter(REBUILT)
    bed.begin_checks()
    bed.enter(REMOVAL)
    with bed.timings.phase("removing"):
        pass
    bed.finish()
    stored = json.loads((bed.directory / "timings.json").read_text())
    spans = [
        (span["phase"], span["what"], span["outcome"], span["depth"]) for span in stored["spans"]
    ]
    assert spans == [
        ("deployed", "booting", "ok", 0),
        ("deployed", "checks", "failed", 0),
        ("deployed", "collecting evidence of check-x", "ok", 1),
        ("rebuilt", "checks", "ok", 0),
        ("removal", "removing", "ok", 0),
    ]
    assert abs(stored.pop("began") - time.time()) < 30
    del stored["spans"]
    assert stored == {
        "version": 1,
        "bed": "check-x",
        "entity": "shape",
        "backend": "qemu",
        "accelerator": "tcg",
    }
    # By now it may be another run's.
    (bed.directory / "timings.json").unlink()
    bed.finish()
    assert not (bed.directory / "timings.json").exists()


def test_the_transcript_is_of_one_phase_and_goes_on_after_the_first_failure(
    bed: BedEvidence, machine: Machine
) -> None:
    def say(command: str) -> None:
        assert machine.transcript is not None
        with machine.transcript.recording(command) as ended:
            ended(0, b"", b"")

    def told(phase: str) -> list[tuple[str, str]]:
        lines = (bed.directory / phase / "transcript.jsonl").read_text().splitlines()
        return [(line["item"], line["command"]) for line in map(json.loads, lines)]

    bed.begin()
    bed.watch(machine)
    bed.asking("first")
    say("is it ready?")
    bed.begin_checks()
    say("one")
    bed.collect(machine, "deployed", failed=True)
    bed.asking("second")
    say("two")
    bed.enter(REBUILT)
    say("again?")
    bed.begin_checks()
    bed.collect(machine, "rebuilt", failed=False)
    assert told("deployed") == [("", "is it ready?"), ("first", "one"), ("second", "two")]
    assert told("rebuilt") == [("", "again?")]


def test_no_password_and_no_credential_is_in_a_record_or_a_description() -> None:
    record = sample_record()
    shown = {"type": "vnc", "passwd": "hunter2"}
    block = Block(
        data={"devices": {"graphics": [shown]}, "xml_passthrough": "<x passwd='hunter2'>"}
    )
    credential = "io.systemd.credential:passwd.plaintext-password.root=hunter2"
    resolved = dataclasses.replace(record.machine, block=block, oem_strings=(credential, "plain=1"))
    text = redact_json(record_as_json(dataclasses.replace(record, machine=resolved)))
    assert "hunter2" not in text
    machine = json.loads(text)["machine"]
    assert machine["oem_strings"] == [
        "io.systemd.credential:passwd.plaintext-password.root=(left out)",
        "plain=1",
    ]
    assert machine["domain"] == "charly-sample"

    command = (
        f"qemu -smbios type=11,value={credential},value=plain "
        "-object secret,id=vnc-password,data=hun,,ter2 -vnc :1,password-secret=vnc-password"
    )
    assert redact(command) == (
        "qemu -smbios type=11,value=io.systemd.credential:passwd.plaintext-password.root=(left out)"
        ",value=plain -object secret,id=vnc-password,data=(left out) "
        "-vnc :1,password-secret=vnc-password"
    )
    xml = f"<graphics type='vnc' passwd='hunter2' port='1'/><entry>{credential}</entry>"
    assert "hunter2" not in redact(xml)
    assert "port='1'" in redact(xml)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.file)
def test_a_question_is_answered_or_its_reason_is_told(question: Question) -> None:
    done = run(["sh"], stdin=render_script(question), timeout=60, check=False)
    assert done.status == 0
    assert done.stdout or last_line(done.stderr)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.file)
def test_a_guest_that_has_nothing_but_a_shell_tells_what_it_lacks(
    question: Question, tmp_path: Path
) -> None:
    (tmp_path / "tail").symlink_to("/usr/bin/tail")
    (tmp_path / "sh").symlink_to("/bin/sh")
    empty = {"PATH": str(tmp_path)}
    done = run(
        ["/bin/sh", "-c", BECOME_ROOT],
        stdin=render_script(question),
        timeout=60,
        check=False,
        env=empty,
    )
    if question.file in ("network.txt", "system.txt"):
        assert "not found" in done.stdout
    else:
        assert done.stdout == ""
        assert "not found" in last_line(done.stderr)


def test_an_answer_is_cut_in_the_guest_already() -> None:
    question = Question("x", "seq 100000", size=1000)
    done = run(["sh"], stdin=render_script(question), timeout=60)
    assert len(done.stdout) == 1001
    kept = cut_to(done.stdout.encode(), question.size).decode().splitlines()
    assert kept[0] == "[cut: these are the last 997 bytes]"
    assert kept[1:] == [str(number) for number in range(99835, 100001)]
    assert cut_to(b"all of it", 9) == b"all of it"
    assert cut_to(b"x" * 10, 9) == b"[cut: these are the last 9 bytes]\n" + b"x" * 9


def test_what_does_not_come_back_is_given_up() -> None:
    began = time.monotonic()
    hung = BackgroundCall("an answer", lambda: time.sleep(20))
    with pytest.raises(HostError, match="an answer did not come within 0 s"):
        hung.result(Deadline(5), at_most=0.2)
    assert time.monotonic() - began < 2
    assert BackgroundCall("x", lambda: 7).result(Deadline(5)) == 7
    with pytest.raises(ZeroDivisionError):
        BackgroundCall("x", lambda: 1 // 0).result(Deadline(5))
