"""The report of 50 beds, each with all evidence in both phases: its size, and how soon it is open.

The figure: under 5 MB, and its load event in under 1 s. The time is also told as a multiple of an
empty page's, since it is mostly the machine's. Rounds alternate, in one headless Chromium.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

# The tests have the browser and the evidence to fill a page with.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from chromium import ABSENT, find_chromium, start_chromium
from sample_run import write_sample

from charly_vm.report.index import write_report

BEDS = 50
ROUNDS = 7
LIMIT_BYTES = 5_000_000
LIMIT_SECONDS = 1.0


def main() -> None:
    program = find_chromium()
    if program is None:
        raise SystemExit(ABSENT)
    with tempfile.TemporaryDirectory(prefix="charly-") as name:
        directory = Path(name)
        run = write_sample(directory, beds=BEDS, unlike=True)
        started = time.perf_counter()
        index = write_report(run, directory)
        seconds = time.perf_counter() - started
        size = index.stat().st_size
        verdict = "good" if size < LIMIT_BYTES else "TOO LARGE"
        print(
            f"{BEDS} beds: {size / 1e6:.2f} MB (limit {LIMIT_BYTES / 1e6:.0f} MB: {verdict}), "
            f"written in {seconds:.1f} s"
        )
        empty = directory / "empty.html"
        empty.write_text("<!DOCTYPE html><title>empty</title>")
        ours, theirs = _measure(program, index, empty)
    verdict = "good" if ours < LIMIT_SECONDS else "TOO SLOW"
    print(
        f"open after {ours * 1000:.0f} ms (limit {LIMIT_SECONDS:.0f} s: {verdict}), "
        f"an empty page after {theirs * 1000:.0f} ms: {ours / theirs:.1f} times"
    )


def _measure(program: str, index: Path, empty: Path) -> tuple[float, float]:
    """The medians of the seconds until the load event of either page."""
    times: dict[Path, list[float]] = {index: [], empty: []}
    with start_chromium(program) as browser:
        for _ in range(ROUNDS):
            for file, found in times.items():
                tab = browser.open("about:blank")
                found.append(tab.go(file.as_uri()))
                tab.close()
    return statistics.median(times[index]), statistics.median(times[empty])


if __name__ == "__main__":
    main()
