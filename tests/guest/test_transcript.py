"""What is remembered of the commands in a guest, and how much of it."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from charly_vm.errors import GuestTimeout
from charly_vm.guest.ssh import SshGuest
from charly_vm.guest.transcript import COMMANDS, STREAM_BYTES, TOTAL_BYTES, Transcript


def say(transcript: Transcript, command: str, stdout: bytes = b"", stderr: bytes = b"") -> None:
    with transcript.recording(command) as ended:
        ended(0, stdout, stderr)


def lines_of(transcript: Transcript) -> list[dict[str, Any]]:
    return [json.loads(line) for line in transcript.as_jsonl().splitlines()]


def test_a_command_is_told_with_who_asked_and_what_it_said() -> None:
    transcript = Transcript()
    transcript.item = "test_x.py::test_y[deployed]"
    before = time.time()
    with transcript.recording("make it so") as ended:
        ended(3, b"out\n", b"err\n")
    (line,) = lines_of(transcript)
    assert before - 0.01 <= line.pop("began") <= time.time() + 0.01
    assert 0 <= line.pop("seconds") < 1
    assert line == {
        "version": 1,
        "number": 1,
        "item": "test_x.py::test_y[deployed]",
        "command": "make it so",
        "command_truncated": False,
        "status": 3,
        "error": "",
        "stdout": "out\n",
        "stdout_truncated": False,
        "stderr": "err\n",
        "stderr_truncated": False,
    }
    text = transcript.as_text()
    assert "status 3" in text.splitlines()[0]
    assert text.splitlines()[0].endswith("test_x.py::test_y[deployed]")
    assert text.splitlines()[1:] == ["$ make it so", "  out", "! err", ""]


def test_of_long_output_both_ends_are_kept() -> None:
    transcript = Transcript()
    say(transcript, "x", b"begin" + bytes(100_000) + b"end", b"e" * STREAM_BYTES)
    (line,) = lines_of(transcript)
    assert line["stdout"].startswith("begin")
    assert line["stdout"].endswith("end")
    assert f"[… {100_008 - STREAM_BYTES} bytes …]" in line["stdout"]
    assert (line["stdout_truncated"], line["stderr_truncated"]) == (True, False)
    assert line["stderr"] == "e" * STREAM_BYTES
    say(transcript, "c" * 50_000)
    assert lines_of(transcript)[1]["command_truncated"]
    assert len(lines_of(transcript)[1]["command"]) < STREAM_BYTES + 100


def test_one_that_was_not_answered_says_why() -> None:
    transcript = Transcript()
    with pytest.raises(GuestTimeout), transcript.recording("sleep 100"):
        raise GuestTimeout("`sleep 100` to end", seconds=3, seen="half of it")
    with pytest.raises(KeyboardInterrupt), transcript.recording("sleep 200"):
        raise KeyboardInterrupt
    first, second = lines_of(transcript)
    assert first["status"] is None
    assert first["error"] == "waited 3 s for `sleep 100` to end; last seen: half of it"
    assert second["error"] == "KeyboardInterrupt()"
    assert "ERROR waited 3 s" in transcript.as_text()


def test_the_oldest_are_forgotten_and_the_numbers_say_so() -> None:
    transcript = Transcript()
    noise = bytes(range(32, 127)) * 100
    for _ in range(1000):
        say(transcript, "x", noise, noise)
    kept = transcript.entries
    assert sum(map(len, kept)) <= TOTAL_BYTES
    assert TOTAL_BYTES / (2 * STREAM_BYTES + 1) - 2 < len(kept) < 1000
    assert kept[-1].number == 1000
    assert kept[0].number == 1001 - len(kept)
    assert len(transcript.as_jsonl().encode()) <= TOTAL_BYTES
    assert len(transcript.as_text().encode()) <= TOTAL_BYTES
    transcript.forget()
    say(transcript, "anew")
    assert [entry.number for entry in transcript.entries] == [1]


def test_many_small_ones_are_bounded_too() -> None:
    transcript = Transcript()
    for _ in range(COMMANDS + 5):
        say(transcript, "")
    assert len(transcript.entries) == COMMANDS


def test_what_json_blows_up_does_not_make_the_file_larger() -> None:
    transcript = Transcript()
    for _ in range(200):
        say(transcript, "x", bytes(8000), b"\xff" * 8000)
    assert sum(map(len, transcript.entries)) < TOTAL_BYTES
    assert TOTAL_BYTES * 0.9 < len(transcript.as_jsonl().encode()) <= TOTAL_BYTES
    assert lines_of(transcript)[-1]["number"] == 200


def test_the_same_command_again_is_not_shown_again_to_people() -> None:
    transcript = Transcript()
    for _ in range(2):
        say(transcript, "a long\nscript")
    assert transcript.as_text().count("script") == 1
    assert "$ (the same again)" in transcript.as_text()
    assert [line["command"] for line in lines_of(transcript)] == ["a long\nscript"] * 2


def test_threads_may_record_at_the_same_time() -> None:
    transcript = Transcript()

    def record() -> None:
        for _ in range(200):
            say(transcript, "x")

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.number for entry in transcript.entries] == list(range(1, 801))


def test_it_costs_next_to_nothing() -> None:
    transcript = Transcript()
    output = bytes(1_000_000)
    began = time.thread_time()
    for _ in range(1000):
        say(transcript, "a command", output)
    # A command in a guest takes some milliseconds at the very least.
    assert (time.thread_time() - began) / 1000 < 0.0005


def test_a_guest_tells_it_all_but_what_commands_read(guest: SshGuest) -> None:
    transcript = Transcript()
    guest._transcript = transcript
    try:
        transcript.item = "one"
        guest.run("cat; echo err >&2; exit 4", stdin=b"said by cat\n")
        guest.run("grep -q x", stdin=b"hunter2: a password, x\n")
        guest.run("echo unseen", recorded=False)
        with pytest.raises(GuestTimeout):
            guest.run("echo begun; sleep 30", timeout=1)
    finally:
        guest._transcript = None
    first, second, third = lines_of(transcript)
    assert (first["item"], first["status"]) == ("one", 4)
    assert (first["stdout"], first["stderr"]) == ("said by cat\n", "err\n")
    assert (second["command"], second["status"]) == ("grep -q x", 0)
    assert "last seen: begun" in third["error"]
    assert "hunter2" not in transcript.as_jsonl() + transcript.as_text()
    assert "unseen" not in transcript.as_jsonl()
