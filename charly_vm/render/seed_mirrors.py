"""`mirrors:` of the seed: the packages' sources, in the words of each package manager."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from charly_vm.model.cloud_init import Mirrors
from charly_vm.model.distribution import ARCH, DEBIAN, FEDORA, Distribution

PACMAN_LIST = "/etc/pacman.d/mirrorlist"

# What stands before the trees that Fedora's, Rocky's and AlmaLinux's mirrors have.
_DNF_BASE = r"^#? *baseurl *= *https?://[^/]+/(pub/fedora/linux|[$]contentdir|almalinux)(/.*)$"


def render_mirrors(mirrors: Mirrors, distribution: Distribution | None) -> dict[str, Any]:
    """The part of a cloud-config for the guest's package manager, or for each that is mentioned
    where the distribution is not known."""
    family = distribution.family if distribution else None
    config: dict[str, Any] = {}
    if mirrors.apt and family in (DEBIAN, None):
        config["apt"] = _render_apt(mirrors.apt, distribution)
    if mirrors.dnf and family in (FEDORA, None):
        config["bootcmd"] = [_render_dnf(mirrors.dnf)]
    if mirrors.pacman and family in (ARCH, None):
        servers = "".join(f"Server = {_complete_pacman(url)}\n" for url in mirrors.pacman)
        config["write_files"] = [{"path": PACMAN_LIST, "content": servers, "permissions": "0644"}]
    return config


def _render_apt(urls: Sequence[str], distribution: Distribution | None) -> dict[str, Any]:
    # Debian's own configuration of cloud-init would leave the sources alone.
    config = {"preserve_sources_list": False, "primary": _choice_of(urls)}
    if distribution and distribution.name == "debian":
        # Debian's security updates are in an archive of their own, which mirrors have beside the
        # other. cloud-init would look for them in the first one.
        config["security"] = _choice_of([f"{url.rstrip('/')}-security" for url in urls])
    return config


def _choice_of(urls: Sequence[str]) -> list[dict[str, Any]]:
    """Of several cloud-init takes the first whose name can be resolved."""
    where = {"uri": urls[0]} if len(urls) == 1 else {"search": list(urls)}
    return [{"arches": ["default"], **where}]


def _render_dnf(urls: Sequence[str]) -> list[str]:
    """A command for `bootcmd`, run once: cloud-init has no key for dnf's mirrors.

    The repositories' own base URLs, which distributions ship commented out, are put to use. A
    file without one that is known is left as it is.
    """
    bases = " ".join(url.rstrip("/").replace("&", r"\&") + r"\2" for url in urls)
    edit = f's"{_DNF_BASE}"baseurl={bases}"; s/^(metalink|mirrorlist) *=/#&/'
    script = (
        f"grep --files-with-matches --extended-regexp {shlex.quote(_DNF_BASE)} "
        "/etc/yum.repos.d/*.repo | "
        f"xargs --no-run-if-empty sed --regexp-extended --in-place {shlex.quote(edit)}"
    )
    return ["cloud-init-per", "instance", "charly-mirrors", "sh", "-c", script]


def _complete_pacman(url: str) -> str:
    return url if "$repo" in url else f"{url.rstrip('/')}/$repo/os/$arch"
