"""Verbs of `run:` steps, which change the guest and can be undone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from charly_vm.model.verbs.state import Mode
from charly_vm.model.verbs.verb import Verb


class Change(Verb):
    """What every change takes."""

    run_as: str | None = None
    """root, or a user's name."""
    uninstall: tuple[str, ...] = ()
    """Commands that undo it."""


class MkdirVerb(Change):
    """A directory, with its parents."""

    name = main = "mkdir"
    mkdir: str
    mode: Mode | None = None


class CopyVerb(Change):
    """A file of the candy's directory, copied into the guest."""

    name = main = "copy"
    copy_: str = Field(alias="copy")
    to: str
    mode: Mode | None = None


class WriteVerb(Change):
    """A file with this content."""

    name = main = "write"
    write: str
    content: str
    mode: Mode | None = None


class LinkVerb(Change):
    """A symbolic link, which leads `to` somewhere."""

    name = main = "link"
    link: str
    to: str


class DownloadVerb(Change):
    """A file from a URL, as it is or unpacked."""

    name = main = "download"
    download: str
    to: str | None = None
    extract: Literal["tar.gz", "tar.xz", "tar.zst", "zip", "none", "sh", ""] | None = None
    strip_components: Annotated[int, Field(strict=True, ge=0)] = 0
    mode: Mode | None = None


class SetcapVerb(Change):
    """A file's capabilities (setcap(8))."""

    name = main = "setcap"
    setcap: str
    caps: str | None = None
