"""Where pacman finds the packages of a distribution that is bootstrapped.

A host that is the distribution has a pacman.conf(5) for it; on any other the user writes one. It
alone says where packages come from and whose signatures count.
"""

from __future__ import annotations

from pathlib import Path

from charly_vm.disk.distros.pacman_conf import IN_GUEST, PacmanConf, find_included
from charly_vm.disk.distros.repositories import read_repositories, repositories_directory
from charly_vm.errors import HostError
from charly_vm.host.files import explain_os_errors
from charly_vm.host.package_manager import read_os_release

NAME = "pacman.conf"


def require_pacman_conf(
    distribution: str, title: str, *, host: Path = Path("/"), host_title: str = "this host"
) -> PacmanConf:
    """The configuration for a distribution by its ID of os-release(5).

    `title` is its name for people. `host` is the root of the system whose pacman it is, where the
    included files are too, and `host_title` what people call that. Raises `HostError` where there
    is none, and says what to write.
    """
    if read_os_release(host).get("ID") == distribution:
        path = host / IN_GUEST
        with explain_os_errors(f"read {path}"):
            return _with_included(path.read_text(), host)
    written = repositories_directory(distribution) / NAME
    texts = read_repositories(distribution, NAME)
    if written not in texts:
        raise HostError(
            f"{host_title} is not {title}, and does not know where its packages are",
            hint=f"write {written}: a pacman.conf(5) with [options] and {title}'s repositories, "
            "each with a Server; its SigLevel and GPGDir say whose signatures count",
        )
    return _with_included(texts[written], host)


def _with_included(text: str, host: Path) -> PacmanConf:
    """As pacman does it: a file may include others, and what is not there is passed over."""
    included: dict[str, str] = {}
    waiting = find_included(text)
    while waiting:
        for path in sorted(host.glob(waiting.pop(0).lstrip("/"))):
            name = f"/{path.relative_to(host)}"
            if name not in included:
                with explain_os_errors(f"read {path}"):
                    included[name] = path.read_text()
                waiting += find_included(included[name])
    return PacmanConf(text, included)
