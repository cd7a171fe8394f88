"""`mirrors:` of cloud-init: where the guest fetches its packages from."""

from __future__ import annotations

from typing import Annotated

from charly_vm.model.base import Model
from charly_vm.model.form import Form

Url = Annotated[
    str,
    Form(r"(https?|ftp|file)://[^\s\"'|\\]+", "the URL of a mirror: http://mirror.example/debian"),
]


class Mirrors(Model):
    """By package manager, the preferred one first. A guest takes those of its own."""

    apt: tuple[Url, ...] = ()
    """Such as http://127.0.0.1/debian: what stands in front of /dists."""
    dnf: tuple[Url, ...] = ()
    """What stands in front of releases/ (Fedora) or of the release's number (Rocky, AlmaLinux)."""
    pacman: tuple[Url, ...] = ()
    """With $repo and $arch in it, or what stands in front of $repo/os/$arch."""
