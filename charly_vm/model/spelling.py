"""How near two words are, for "did you mean" and for telling a misspelling from a foreign word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

REACH = 2
"""Edits (a letter more, less, other, or two swapped) within which a word is a misspelling."""

SHORT, TINY = 5, 3
"""Words below these lengths differ from too many others by two edits, and by one."""


def reach_of(word: str) -> int:
    """The edits within which something is taken for this word misspelt."""
    if len(word) < TINY:
        return 0
    return REACH if len(word) >= SHORT else 1


def distance(left: str, right: str) -> int:
    """Edits from one word to the other, where swapping neighbours is one (optimal alignment)."""
    before: list[int] = []
    above = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            best = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, above = above, row
    return above[-1]


def find_meant(word: str, known: Collection[str], *, reach: int | None = None) -> str | None:
    """The known word of which this is a misspelling; None for a known or a foreign word.

    `reach` is the most edits; by default it depends on the known word's length.
    """
    if word in known:
        return None
    best: tuple[int, str] | None = None
    for candidate in known:
        most = reach_of(candidate) if reach is None else reach
        if abs(len(candidate) - len(word)) > most:
            continue
        edits = distance(word, candidate)
        if edits <= most and (best is None or edits < best[0]):
            best = edits, candidate
    return best[1] if best else None


def find_nearest(word: str, known: Collection[str]) -> str | None:
    """The known word that a person most likely meant, also where it is further away."""
    choices = list(known)
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return close[0] if close else find_meant(word, choices)


def suggestion(word: str, known: Collection[str]) -> str:
    """`; did you mean 'x'?`, or nothing where no known word is near."""
    nearest = find_nearest(word, known)
    return f"; did you mean {nearest!r}?" if nearest else ""


def misspelling_pattern(
    known: Collection[str], foreign: Iterable[str] = (), *, reach: int | None = None
) -> str:
    """A regular expression for the words of which `find_meant` says that a known one was meant.

    It is what a JSON Schema needs in order to refuse what we refuse. `foreign` words are none.
    """
    right = "|".join(map(re.escape, (*known, *foreign)))
    near = "|".join(
        _within(word, reach_of(word) if reach is None else reach) for word in sorted(known)
    )
    return f"^(?!({right})$)({near})$"


def _within(word: str, edits: int) -> str:
    if edits == 0:
        return re.escape(word)
    if not word:
        return f".{{0,{edits}}}"
    first, rest = re.escape(word[0]), word[1:]
    fewer = edits - 1
    branches = [
        first + _within(rest, edits),
        ".?" + _within(rest, fewer),
        "." + _within(word, fewer),
    ]
    if rest:
        branches.append(re.escape(rest[0]) + first + _within(rest[1:], fewer))
    return f"({'|'.join(branches)})"
