"""What guests, consoles and tracebacks say, made fit for a page: nothing in it is obeyed."""

from __future__ import annotations

import re

_ESCAPES = re.compile(
    r"""
    \x1b\[ [0-?]* [ -/]* [@-~]              # colours and movements of the cursor
    | \x1b\] [^\x07\x1b]* (?:\x07|\x1b\\)   # titles and links of a terminal
    | \x1b [PX^_] [^\x1b]* \x1b\\           # strings that a terminal takes
    | \x1b [ -/]* [0-~]                     # the short ones
    """,
    re.VERBOSE,
)
_NEWLINES = re.compile(r"\r+\n?")
# A page that holds a control character, a direction override or half of a surrogate pair is no
# HTML, or shows something else than is there.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def readable(text: str) -> str:
    """The text without what a terminal would obey; what cannot be shown becomes U+FFFD."""
    return _UNFIT.sub("\ufffd", _NEWLINES.sub("\n", _ESCAPES.sub("", text)))


def first_line(text: str) -> str:
    """The first line that says something."""
    return next((line.strip() for line in readable(text).splitlines() if line.strip()), "")


def shortened(text: str, limit: int) -> str:
    """The beginning and the end, where there are more than `limit` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[… {left_out} characters left out …]\n{text[-half:]}"


def last_lines(text: str, limit: int) -> str:
    """The last whole lines within `limit` bytes of UTF-8, or the end of the last one."""
    data = text.encode(errors="replace")
    if len(data) <= limit:
        return text
    end = data[len(data) - limit :].decode(errors="ignore")
    _, newline, whole = end.partition("\n")
    return whole if newline and whole.strip() else end
