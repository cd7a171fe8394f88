"""What the Markdown of the tutorial means, which quotations in it are wrong, and its pictures."""

from __future__ import annotations

import pytest
from tutorial import TUTORIAL, Command, Shown, Written, missing_line, read_tutorial

PAGE = """\
Type this:

```sh
charly list
false # status 1
```

```text
one
```

At the end of `a.yml`:

```yaml
x: 1
```

`b.py` is now:
```python
pass
```

```console
$ never run
```
"""


def test_each_block_is_a_step() -> None:
    assert list(read_tutorial(PAGE)) == [
        Command("charly list", 0),
        Command("false", 1),
        Shown(("one",)),
        Written("a.yml", "x: 1\n", ""),
        Written("b.py", "pass\n", "is now"),
    ]


def test_no_block_of_the_tutorial_is_overlooked() -> None:
    text = TUTORIAL.read_text()
    steps = list(read_tutorial(text))
    blocks = text.count("\n```") // 2
    console = text.count("\n```console\n")
    commands = sum(block.split("\n```")[0].count("\n") + 1 for block in text.split("\n```sh\n")[1:])
    assert len([step for step in steps if isinstance(step, Command)]) == commands
    others = [step for step in steps if not isinstance(step, Command)]
    assert len(others) == blocks - console - text.count("\n```sh\n")


def test_a_file_without_a_name_is_refused() -> None:
    with pytest.raises(AssertionError, match="names no file"):
        list(read_tutorial("Here:\n\n```yaml\nx: 1\n```\n"))


@pytest.mark.parametrize(
    "quoted",
    [
        ["4 passed in 41.2 s"],
        ["4 passed in 1 m 04 s"],
        ["check x [deployed] …", "…", "kept until 2026-01-02T03:04:05Z", "4 passed in 3 s"],
        ["…", "4  passed …"],
    ],
)
def test_times_and_what_is_left_out_may_differ(quoted: list[str]) -> None:
    shown = ["check x [deployed] 2222", "kept until 2027-11-30T17:27:08Z", "  4 passed in 12.0 s"]
    assert missing_line(tuple(quoted), shown) is None


@pytest.mark.parametrize(
    ("quoted", "missing"),
    [
        (["4 failed in 41.2 s"], "4 failed in 41.2 s"),
        (["5 passed in 12.0 s"], "5 passed in 12.0 s"),
        (["4 passed"], "4 passed"),
        (["4 passed in 3 s", "between"], "between"),
    ],
)
def test_anything_else_has_to_be_shown_in_its_order(quoted: list[str], missing: str) -> None:
    shown = ["between", "4 passed in 12.0 s"]
    assert missing_line(tuple(quoted), shown) == missing


def test_its_pictures_are_small_and_need_no_network() -> None:
    images = TUTORIAL.parent / "images"
    drawing = (images / "run.svg").read_text().replace('"http://www.w3.org/2000/svg"', "")
    assert "://" not in drawing
    assert (images / "run.svg").stat().st_size < 40_000
    assert (images / "report.png").stat().st_size < 120_000
