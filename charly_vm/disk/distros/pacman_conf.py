"""A pacman.conf(5), and what of it is for whom. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

IN_GUEST = "etc/pacman.conf"
_LISTS = "/etc/pacman.d/"
"""Where distributions have the files that are included."""

_PLACES = ("RootDir", "DBPath", "CacheDir", "LogFile", "HookDir")
"""They name directories of the host, where nothing of the guest's belongs."""
_NOT_FOR_BUILDER = (*_PLACES, "DownloadUser")
"""The account that downloads since pacman 7 has no way into the user's own directories."""
_NOT_FOR_GUEST = (*_PLACES, "GPGDir")
_INCLUDE = re.compile(r"[ \t]*Include[ \t]*=[ \t]*(/.*?)[ \t]*")


@dataclass(frozen=True, slots=True)
class PacmanConf:
    """A configuration with the files that it includes, by their absolute paths."""

    text: str
    included: Mapping[str, str] = field(default_factory=dict)

    @property
    def for_builder(self) -> str:
        """For pacman on the host; included files are read from where they are."""
        return _without(self.text, _NOT_FOR_BUILDER)

    @property
    def for_guest(self) -> dict[str, str]:
        """By path below the guest's root.

        Lists of servers stay files of their own, so that they can be replaced. What else is
        included is at a place of the host's, and comes in the place of the line that includes it.
        """
        lists = {path: text for path, text in self.included.items() if path.startswith(_LISTS)}
        files = {IN_GUEST: self.text, **{path.lstrip("/"): text for path, text in lists.items()}}
        return {
            path: _without("".join(self._expand(text)), _NOT_FOR_GUEST)
            for path, text in files.items()
        }

    @property
    def essence(self) -> dict[str, str]:
        """As `for_guest`, without what makes no other disk: comments, and which server comes first.
        Hosts rank their servers anew every few days."""
        return {path: _essence(path, text) for path, text in self.for_guest.items()}

    def _expand(self, text: str, *around: str) -> Iterator[str]:
        """The lines of a file; `around` are the paths of those that it is in."""
        for line in text.splitlines():
            found = _INCLUDE.fullmatch(line)
            if found is None or found[1].startswith(_LISTS):
                yield f"{line}\n"
                continue
            for path, included in sorted(self.included.items()):
                if path not in around and PurePosixPath(path).match(found[1]):
                    yield from self._expand(included, *around, path)


def _essence(path: str, text: str) -> str:
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not line.startswith("#")]
    # In the configuration itself the order of lines is that of repositories.
    return "\n".join(sorted(said) if f"/{path}".startswith(_LISTS) else said)


def find_included(text: str) -> list[str]:
    """The absolute paths, or patterns of such, that a configuration includes."""
    found = map(_INCLUDE.fullmatch, text.splitlines())
    return [one[1] for one in found if one]


def _without(text: str, options: tuple[str, ...]) -> str:
    named = re.compile(rf"\s*({'|'.join(options)})\s*=")
    return "".join(line for line in text.splitlines(keepends=True) if not named.match(line))
