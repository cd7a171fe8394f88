"""Where dnf finds the packages of a distribution that is bootstrapped.

A host that is the distribution has files for it; on any other the user writes them, and they alone
say where packages come from and whether and whose signatures count.
"""

from __future__ import annotations

from pathlib import Path

from charly_vm.disk.distros.fedora import Fedora, Repositories
from charly_vm.disk.distros.repositories import read_repositories, repositories_directory
from charly_vm.errors import HostError
from charly_vm.host.files import explain_os_errors
from charly_vm.host.package_manager import read_os_release

PATTERN = "*.repo"
_SETTINGS = ("etc/dnf/dnf.conf", "etc/dnf/vars/*", "usr/share/dnf5/vars.d/*")
"""What else of the host dnf reads, whosever the repositories are."""


def require_repositories(
    recipe: Fedora, *, host: Path = Path("/"), title: str = "this host"
) -> Repositories:
    """The files for a distribution; the user's own come first. `host` is the root of the system
    whose dnf it is, and `title` what people call that. The directory is as that system sees it.

    Raises `HostError` where there are none, and says what to write.
    """
    directory = repositories_directory(recipe.distribution)
    if written := read_repositories(recipe.distribution, PATTERN):
        texts = {path.name: text for path, text in written.items()}
        return Repositories(directory, texts | _read(host, *_SETTINGS))
    if _is_of_host(recipe, host):
        texts = _read(host, f"etc/yum.repos.d/{PATTERN}", *_SETTINGS)
        return Repositories(Path("/etc/yum.repos.d"), texts)
    raise HostError(
        f"{title} is not {recipe.title}, and does not know where its packages are",
        hint=f"write files ending in .repo to {directory}: dnf.conf(5)'s sections of repositories, "
        "each with a baseurl, metalink or mirrorlist; its gpgcheck and gpgkey say whose signatures "
        "count",
    )


def _is_of_host(recipe: Fedora, host: Path) -> bool:
    """Whether the host's own files lead to the packages: Fedora's do for each of its releases."""
    said = read_os_release(host)
    if said.get("ID") != recipe.member.id:
        return False
    release = said.get("VERSION_ID", "").partition(".")[0]
    return not recipe.member.is_enterprise or release == str(recipe.release)


def _read(host: Path, *patterns: str) -> dict[str, str]:
    """The texts of the host's files, by their paths below its root."""
    texts = {}
    for path in (found for pattern in patterns for found in sorted(host.glob(pattern))):
        with explain_os_errors(f"read {path}"):
            texts[str(path.relative_to(host))] = path.read_text()
    return texts
