"""Verbs of `run:` steps, which change the guest and can be undone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from charly_vm.model.verbs.state import Mode
from charly_vm.model.verbs.verb import Verb


class Change(Verb):
    """What every change takes."""

    run_as: str | None = None
    """The account that does it: root, or a user's name."""
    uninstall: tuple[str, ...] = ()
    """Commands that undo it, for candies."""


class MkdirVerb(Change):
    """Make a directory, with its parents."""

    name = main = "mkdir"
    mkdir: str
    """The path."""
    mode: Mode | None = None
    """Its permissions."""


class CopyVerb(Change):
    """Copy a file that stands beside the step's file into the guest."""

    name = main = "copy"
    copy_: str = Field(alias="copy")
    """The file, from the step's file on."""
    to: str
    """The path in the guest."""
    mode: Mode | None = None
    """Its permissions there."""


class WriteVerb(Change):
    """Write a file."""

    name = main = "write"
    write: str
    """The path."""
    content: str
    """What is in it."""
    mode: Mode | None = None
    """Its permissions."""


class LinkVerb(Change):
    """Make a symbolic link, in place of one that is there."""

    name = main = "link"
    link: str
    """The path of the link."""
    to: str
    """Where it leads."""


class DownloadVerb(Change):
    """Have the guest fetch a file, which is kept as it is, unpacked or run."""

    name = main = "download"
    download: str
    """The URL."""
    to: str | None = None
    """Where it goes: a file, or the directory that it is unpacked to. Only `extract: sh` does
    without."""
    extract: Literal["tar.gz", "tar.xz", "tar.zst", "zip", "none", "sh", ""] | None = None
    """What it is packed with; `sh` runs it."""
    strip_components: Annotated[int, Field(strict=True, ge=0)] = 0
    """How many leading directories are left out of an archive's names."""
    mode: Mode | None = None
    """The file's permissions."""


class SetcapVerb(Change):
    """Set a file's capabilities (setcap(8))."""

    name = main = "setcap"
    setcap: str
    """The path."""
    caps: str | None = None
    """The capabilities; without them it loses those that it has."""
