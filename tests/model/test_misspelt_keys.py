"""Every key of every good file, misspelt one at a time: we refuse it where it stands, and so does
the JSON Schema."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fixture_projects import GOOD, NOWHERE, is_refused
from language_keys import language_keys

from charly_vm.errors import SpecError
from charly_vm.model.document import parse_document, read_document
from charly_vm.model.project import load_project

KINDS = ("vm", "candy", "resource", "group")


def misspell(word: str, number: int) -> str:
    """The word with a letter more, less, or two of them swapped."""
    middle = len(word) // 2
    match number % 3:
        case 0:
            return f"{word[:middle]}x{word[middle:]}"
        case 1:
            return word[: middle - 1] + word[middle:] if len(word) > 2 else f"{word}{word[-1]}"
    swapped = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
    return swapped if swapped != word else f"{word}{word[-1]}"


def misspellings(file: Path) -> Iterator[tuple[str, str, int, str]]:
    """The key, its misspelling, its line, and the file's text with it."""
    document = read_document(file)
    lines = file.read_text().splitlines(keepends=True)
    assert isinstance(document.data, dict)
    counter = itertools.count()
    vocabulary = {str(path[-1]) for path in language_keys(document.data)}
    for path in language_keys(document.data):
        key, (line, column) = str(path[-1]), document.position(path)
        text = lines[line - 1]
        before, after = text[: column - 1], text[column - 1 :]
        assert after.startswith(key), f"{file}:{line}:{column} is not {key}"
        wrong = next(
            word for number in counter if (word := misspell(key, number)) not in vocabulary
        )
        changed = [*lines]
        changed[line - 1] = before + wrong + after.removeprefix(key)
        yield key, wrong, line, "".join(changed)


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_a_misspelt_key_is_refused_at_its_line_and_by_the_schema(
    file: Path, tmp_path: Path
) -> None:
    copy = tmp_path / file.name
    tried = 0
    for key, wrong, line, text in misspellings(file):
        tried += 1
        copy.write_text(text)
        lines = _lines_complained_about(copy)
        assert line in lines, f"{file.name}:{line}: {wrong} for {key} shows in {lines}"
        data = parse_document(copy, text).data
        assert isinstance(data, dict)
        refused = is_refused(_around(data, text, line)) or is_refused(data)
        assert refused, f"{file.name}:{line}: {wrong} for {key}"
    assert tried > 20


def _lines_complained_about(file: Path) -> set[int]:
    try:
        load_project(file, host=NOWHERE)
    except SpecError as error:
        return {problem.line for problem in error.problems}
    return set()


def _around(data: Mapping[str, object], text: str, line: int) -> dict[str, object]:
    """The node in which a line stands, with that child of it; the rest costs time alone.

    What an anchor holds is validated elsewhere.
    """
    document = parse_document(Path("charly.yml"), text)
    name = max(
        (name for name in data if document.line((name,)) <= line),
        key=lambda one: document.line((one,)),
    )
    node = data[name]
    if not isinstance(node, dict):
        return {name: node}
    above = {key: document.line((name, key)) for key in node}
    last = max((at for at in above.values() if at <= line), default=0)
    return {name: {key: node[key] for key in node if key in KINDS or above[key] == last}}
