"""What the guest installs when it first boots, and what has to be there for charly itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from charly_vm.model.distribution import Family

PROGRAMS = ("sshd", "curl", "tar")
"""Those that `Family.packages` bring."""

ENABLE_SSHD = (
    "for unit in ssh sshd ssh.socket sshd.socket; "
    "do systemctl is-enabled --quiet $unit 2>/dev/null && break; done || "
    "systemctl enable --now sshd || systemctl enable --now ssh"
)
"""Does nothing where any of them is enabled; Debian's family calls it ssh, all others sshd."""


@dataclass(frozen=True, slots=True)
class Installation:
    """`packages` is for cloud-init, `commands` are for the shell."""

    packages: list[str]
    commands: list[str]


def plan_installation(
    wanted: Sequence[str], installed: Collection[str] | None, family: Family | None
) -> Installation:
    """What is left to do of the author's packages and of charly's own needs.

    `installed` are the packages that the image was built with, None for an image of somebody
    else's. A package that is there is left out: cloud-init would have the lists fetched for it,
    which takes most of a minute under emulation, and fails on many systems without a network. For
    the same reason charly's own are looked for first, except where the lists are fetched anyway.
    """
    missing = [name for name in wanted if name not in (installed or ())]
    if installed is not None or family is None:
        return Installation(missing, [])
    if missing:
        return Installation(list(dict.fromkeys([*missing, *family.packages])), [])
    there = " && ".join(f"command -v {program}" for program in PROGRAMS)
    install = f"{family.install} {' '.join(family.packages)}"
    return Installation([], [f"{{ {there}; }} >/dev/null || {{ {install}; }}"])
