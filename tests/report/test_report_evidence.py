"""What the page shows of the files that beds leave: known ones by title, never too much."""

from __future__ import annotations

import html
import os
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from sample_run import BEGAN, bed_of, write_evidence, write_sample

from charly_vm.report.evidence import PAGE_BYTES, gather_evidence, list_evidence
from charly_vm.report.model import BedEvidence, EvidenceFile, RunRecord
from charly_vm.report.picture import embed_picture


def shown(directory: Path, files: dict[str, bytes]) -> dict[str, EvidenceFile]:
    """A bed's files, by their paths below its directory."""
    for name, data in files.items():
        file = directory / "check-x" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    bed = replace(bed_of("check-x", BEGAN), files=tuple(files))
    run = RunRecord("", "", "", "", "", (), BEGAN, BEGAN + 90, (bed,))
    found = gather_evidence(run, directory)["check-x"].files
    return {file.path.removeprefix("check-x/"): file for file in found}


def test_known_files_have_titles_and_come_in_the_order_in_which_one_looks(tmp_path: Path) -> None:
    run = write_sample(tmp_path, beds=1)
    files = gather_evidence(run, tmp_path)[run.beds[0].name].files
    first = [file.title for file in files if file.phase == "deployed"]
    assert first == [
        *("Screen", "What ran in the guest", "Serial console", "Failed units", "Journal"),
        *("Kernel messages", "Network", "QEMU's log", "QEMU's command", "The machine's record"),
        *("What ran in the guest, for programs", "etc os-release"),
    ]
    assert [file.phase for file in files] == ["deployed"] * 12 + ["rebuilt"] * 11


def test_what_an_earlier_run_has_left_is_not_this_ones(tmp_path: Path) -> None:
    old, new = (tmp_path / "deployed" / name for name in ("old.txt", "new.txt"))
    old.parent.mkdir()
    for file in (old, new):
        file.write_text("x")
    os.utime(old, (1000, 1000))
    (tmp_path / "timings.json").write_text("{}")
    (tmp_path / "deployed" / "link").symlink_to("/etc/hostname")
    (tmp_path / "deployed" / ".new.txt.1234.tmp").write_text("x")
    assert list_evidence(tmp_path, since=2000) == ("deployed/new.txt",)
    assert list_evidence(tmp_path / "nowhere", since=0) == ()


def test_of_a_long_file_the_end_is_shown_in_whole_lines(tmp_path: Path) -> None:
    lines = "".join(f"line {number}\n" for number in range(20_000))
    file = shown(tmp_path, {"deployed/console.log": lines.encode()})["deployed/console.log"]
    assert file.part == "the end"
    assert file.text.startswith("line ")
    assert file.text.endswith("line 19999\n")
    assert 7_000 < len(file.text) <= 8 * 1024


def test_of_a_long_journal_the_lines_that_speak_of_trouble_are_shown(tmp_path: Path) -> None:
    lines = [f"unit {number} is fine" for number in range(2_000)]
    lines[7] = "lab-greeting.service: Failed with result 'exit-code'."
    data = "\n".join(lines).encode()
    file = shown(tmp_path, {"deployed/journal.txt": data})["deployed/journal.txt"]
    assert (file.text, file.part) == (lines[7], "the last lines that speak of trouble")


def test_of_a_long_definition_the_beginning_is_shown(tmp_path: Path) -> None:
    data = b"<domain>" + b"<disk/>" * 9_000
    file = shown(tmp_path, {"deployed/domain.xml": data})["deployed/domain.xml"]
    assert file.part == "the beginning"
    assert file.text.startswith("<domain><disk/>")
    assert len(html.escape(file.text)) <= 8 * 1024


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("machine.json", b"{}"),
        ("empty.txt", b""),
        ("core", b"\x7fELF\0\0\0"),
        ("screen.png", b"no picture"),
        ("bomb.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff"),
    ],
)
def test_what_says_nothing_to_people_is_a_link(tmp_path: Path, name: str, data: bytes) -> None:
    file = shown(tmp_path, {f"rebuilt/{name}": data})[f"rebuilt/{name}"]
    assert file.picture is None
    assert file.text in ("", "no picture")
    assert file.size == len(data)


def test_a_console_with_zeros_in_it_is_text_all_the_same(tmp_path: Path) -> None:
    file = shown(tmp_path, {"deployed/console.log": b"\0\x1b[2JGRUB\r\n"})["deployed/console.log"]
    assert file.text == "\ufffdGRUB\n"


def test_artifacts_belong_to_their_phase_and_pictures_among_them_are_shown(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (64, 32), "teal").save(picture)
    files = shown(
        tmp_path,
        {"artifacts/rebuilt/shot/desk top.png": picture.read_bytes(), "loose.txt": b"x"},
    )
    artifact = files["artifacts/rebuilt/shot/desk top.png"]
    assert (artifact.phase, artifact.title) == ("rebuilt", "shot/desk top.png")
    assert artifact.picture
    assert (artifact.picture.width, artifact.picture.height) == (64, 32)
    assert files["loose.txt"].phase == ""


def test_what_was_removed_since_is_left_out(tmp_path: Path) -> None:
    run = write_sample(tmp_path, beds=1)
    bed = run.beds[0]
    (tmp_path / bed.directory / "deployed" / "screen.png").unlink()
    files = gather_evidence(run, tmp_path)[bed.name].files
    assert [file.name for file in files if file.picture] == ["screen.png"]


@pytest.mark.parametrize("limit", [60_000, 9_000])
def test_a_picture_is_as_wide_as_its_room_allows(tmp_path: Path, limit: int) -> None:
    write_evidence(bed_of("check-x", BEGAN), tmp_path, BEGAN, lines=1)
    picture = embed_picture(tmp_path / "check-x" / "deployed" / "screen.png", limit)
    assert picture
    assert picture.uri.startswith("data:image/webp;base64,")
    assert limit / 2 < len(picture.uri) <= limit
    assert picture.width / picture.height == pytest.approx(1.6, abs=0.01)


def test_a_picture_that_has_no_room_is_not_shown(tmp_path: Path) -> None:
    write_evidence(bed_of("check-x", BEGAN), tmp_path, BEGAN, lines=1)
    assert embed_picture(tmp_path / "check-x" / "deployed" / "screen.png", 300) is None


def test_however_much_there_is_the_page_shows_a_bounded_part(tmp_path: Path) -> None:
    text = ("<&>\"' fatal\n" * 9_000).encode()
    names = [f"deployed/{number}.txt" for number in range(80)]
    found = shown(tmp_path, dict.fromkeys(names, text)).values()
    cost = sum(len(html.escape(file.text)) for file in found)
    assert 100_000 < cost <= 192 * 1024
    assert PAGE_BYTES < 5_000_000


def test_a_bed_without_files_has_nothing_to_look_at(tmp_path: Path) -> None:
    assert shown(tmp_path, {}) == {}
    assert BedEvidence().files == ()
