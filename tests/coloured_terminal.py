"""A terminal that keeps the colours, for pictures of it."""

from __future__ import annotations

import re

from rich.text import Text
from tiny_terminal import TinyTerminal


class ColouredTerminal(TinyTerminal):
    """Each cell is a character behind the sequences that were in force where it was shown."""

    _style = ""

    @property
    def lines(self) -> list[str]:
        return self.picture_text().plain.split("\n")

    def picture_text(self) -> Text:
        """What was ever shown, with its colours, without the spaces that end lines."""
        rows = Text.from_ansi("\n".join(map(_join, self._cells))).split("\n")
        for row in rows:
            row.rstrip()
        return Text("\n").join(rows)

    def _obey(self, found: re.Match[str]) -> None:
        super()._obey(found)
        if found[2] == "m":
            self._style = "" if found[1] in ("", "0") else self._style + found[0]

    def _show(self, character: str) -> None:
        super()._show(character)
        if character not in "\r\n":
            row = self._cells[self._row]
            row[self._column - 1] = f"\x1b[0m{self._style}{character}"


def _join(row: list[str]) -> str:
    """The cells of a row; sequences stand only where they change, so that pictures stay small."""
    joined, style = "", ""
    for cell in row:
        if cell[:-1] != style:
            style = cell[:-1]
            joined += style
        joined += cell[-1]
    return joined
