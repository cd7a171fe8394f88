"""`make pictures`: the pictures of the documentation, taken while the tutorial is done for real.

run.svg      the terminal of the tutorial's last run, in both phases
report.png   the report of its run with a failing check
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console

# The tests have the reader of the tutorial, the terminal and the browser.
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from chromium import ABSENT, find_chromium, start_chromium
from coloured_terminal import ColouredTerminal
from tutorial import TUTORIAL, Command, Reader, read_tutorial

HERE = Path(__file__).parent
COLUMNS = 100
REPORT_WIDTH = 1200


def main() -> None:
    browser = find_chromium()
    if browser is None:
        raise SystemExit(ABSENT)
    with tempfile.TemporaryDirectory(prefix="charly-") as directory:
        terminals: list[ColouredTerminal] = []

        def new_terminal() -> ColouredTerminal:
            terminals.append(ColouredTerminal(COLUMNS, 30))
            return terminals[-1]

        reader = Reader(Path(directory), new_terminal)
        runs: list[tuple[Command, ColouredTerminal]] = []
        try:
            for step in read_tutorial(TUTORIAL.read_text()):
                print(step.line if isinstance(step, Command) else type(step).__name__, flush=True)
                reader.follow(step)
                if isinstance(step, Command) and step.line.startswith("charly check run"):
                    runs.append((step, terminals[-1]))
                    if step.status:
                        page = reader.work / "charly-evidence" / "index.html"
                        take_report(browser, page, HERE / "report.png")
        finally:
            reader.leave()
    command, terminal = runs[-1]
    take_terminal(command.line, terminal, HERE / "run.svg")


def take_terminal(line: str, terminal: ColouredTerminal, file: Path) -> None:
    """The terminal as a picture, below the command that was typed."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(f"[bold]$ {line}[/bold]", highlight=False)
    console.print(terminal.picture_text(), highlight=False, soft_wrap=True)
    # The id goes into the names of classes: a fixed one keeps differences small.
    svg = console.export_svg(title="charly", unique_id="run")
    # A picture that needs no network: rich would have the viewer fetch a font.
    svg = re.sub(r"\s*(?:<!--.*?-->|@font-face \{.*?\})", "", svg, flags=re.DOTALL)
    file.write_text(svg.replace("Fira Code, monospace", "monospace"))


def take_report(browser: str, page: Path, file: Path) -> None:
    """The page down to its beds, in few colours."""
    with start_chromium(browser) as chromium:
        tab = chromium.open(page.as_uri(), width=REPORT_WIDTH)
        end = tab.evaluate("[...document.querySelectorAll('h2')].at(-1).offsetTop")
        tab.screenshot(file, whole=True)
    with Image.open(file) as whole:
        beds = whole.convert("RGB").crop((0, 0, REPORT_WIDTH, int(end) - 20))
    beds.quantize(64, dither=Image.Dither.NONE).save(file, optimize=True)


if __name__ == "__main__":
    main()
