"""Reading the checksum files that distributions put beside their images. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

ALGORITHMS = {64: "sha256", 128: "sha512"}
"""By the number of hexadecimal digits."""

SIDECARS = (".SHA256", ".sha256", ".sha256sum", ".SHA512", ".SHA256SUM")
"""Put behind the image's own URL; tried in this order, and then `LISTS` in its directory."""

LISTS = ("SHA256SUMS", "SHA512SUMS", "CHECKSUM")

_BSD = re.compile(r"^SHA2?-?(?:256|512) ?\((?P<name>.+)\) ?= ?(?P<digest>[0-9a-fA-F]+)$")
_GNU = re.compile(r"^\\?(?P<digest>[0-9a-fA-F]{64}|[0-9a-fA-F]{128}) [ *](?P<name>.+)$")
_BARE = re.compile(r"^(?P<digest>[0-9a-fA-F]{64}|[0-9a-fA-F]{128})$")


def find_digest(text: str, name: str, *, of_one_file: bool = False) -> tuple[str, str] | None:
    """The algorithm and digest that a checksum file gives for a file name, or None.

    Takes sha256sum's lines, those of BSD and OpenSSL (`SHA256 (name) = …`), and a digest alone. A
    name with directories counts by its last part. Comments and signatures around the lines do not
    matter. A file `of_one_file` may call it something else: Arch's `latest` is a link to a name
    with a date, and so is the checksum beside it.
    """
    entries = [entry for entry in _entries(text) if len(entry[1]) in ALGORITHMS]
    if of_one_file and len(entries) == 1:
        name = entries[0][0]
    for found, digest in entries:
        if found == name or (not found and len(entries) == 1):
            return ALGORITHMS[len(digest)], digest.lower()
    return None


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Names and digests; a name is empty where a line holds nothing but a digest."""
    for line in text.splitlines():
        line = line.strip()
        if match := _BSD.match(line) or _GNU.match(line):
            yield match["name"].rpartition("/")[2], match["digest"]
        elif match := _BARE.match(line):
            yield "", match["digest"]
