"""A builder that comes in a container image, for hosts that do not have it.

podman gets the image and hands out its files; they become the root of the sandbox in which the
recipe's commands run. No container is started, so none has to be privileged, and what ends the
sandbox ends the builder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from charly_vm.disk.sandbox import sandboxed
from charly_vm.errors import HostError, LaunchError
from charly_vm.host.files import explain_os_errors
from charly_vm.host.process import require_tool, run
from charly_vm.host.progress import Progress

PULL_TIMEOUT = 3600.0
UNPACK_TIMEOUT = 600.0

_EXPORT = """\
container=$("$1" create -- "$2" true)
trap '"$1" rm --force -- "$container" >/dev/null' EXIT
"$1" export --output "$3" -- "$container"
"""
"""A shell removes the container, so that it goes where we are killed as well."""

_ENTER = """\
root=$1 places=$2
shift 2
mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/etc"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
while [ "$places" -gt 0 ]; do
  mkdir -p "$root$1"
  mount --bind "$1" "$root$1"
  shift
  places=$((places - 1))
done
# An image has none, or a link to where nothing is.
rm -f "$root/etc/resolv.conf"
[ ! -e /etc/resolv.conf ] || cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
exec chroot "$root" "$@"
"""

_BINARIES = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")


@dataclass(frozen=True, slots=True)
class Builder:
    """An unpacked image: `root` is its root directory, in a workspace that its commands see too."""

    reference: str
    root: Path
    workspace: Path

    def entered(
        self, argv: Sequence[str | Path], *, shown: Iterable[Path] = ()
    ) -> list[str | Path]:
        """`argv` with the image's files in the place of the host's, to be `sandboxed`. The
        workspace and the `shown` directories that exist are where they are on the host."""
        places = [self.workspace, *filter(Path.is_dir, shown)]
        return ["sh", "-euc", _ENTER, "sh", self.root, str(len(places)), *places, *argv]

    def require_programs(self, names: Iterable[str]) -> None:
        """Raise a `HostError` that names every program that the image does not have."""
        if missing := [name for name in names if not self._has(name)]:
            raise HostError(
                f"the image {self.reference} has no {', no '.join(missing)}",
                hint="a builder_image needs the builder and what it runs; without one the host's "
                "own is taken",
            )

    def _has(self, name: str) -> bool:
        # A link may lead to what is there inside the image alone.
        paths = [self.root / place / name for place in _BINARIES]
        return any(path.is_symlink() or path.exists() for path in paths)


def unpack_builder(
    reference: str, workspace: Path, progress: Progress, *, refresh: bool = False
) -> Builder:
    """The image's files in a directory of `workspace`, fetched where podman does not have it or,
    with `refresh`, a newer one.

    Raises `HostError` where there is no podman, and `LaunchError` with podman's own words.
    """
    podman = require_tool("podman", package="podman")
    builder = Builder(reference, workspace / "builder", workspace)
    with progress.phase(f"unpacking {reference}"):
        _require_local(podman, reference, refresh=refresh)
        archive = workspace / "builder.tar"
        run(
            ["sh", "-euc", _EXPORT, "sh", podman, reference, archive],
            timeout=UNPACK_TIMEOUT,
            what=f"exporting {reference}",
        )
        with explain_os_errors(f"make {builder.root}"):
            builder.root.mkdir()
        run(
            # Device nodes cannot be made in an ordinary user's namespace; the host's are bound.
            sandboxed(
                [
                    *("tar", "--extract", "--numeric-owner"),
                    *("--exclude=dev/*", "--exclude=./dev/*"),
                    *(f"--file={archive}", f"--directory={builder.root}"),
                ]
            ),
            timeout=UNPACK_TIMEOUT,
            what=f"unpacking {reference}",
        )
        archive.unlink()
    return builder


def _require_local(podman: Path, reference: str, *, refresh: bool) -> None:
    found = run([podman, "image", "exists", "--", reference], timeout=60, check=False)
    if found.status == 0 and not refresh:
        return
    try:
        run([podman, "pull", "--quiet", "--", reference], timeout=PULL_TIMEOUT)
    except LaunchError as error:
        # One that was built here and is in no registry is as new as it gets.
        if found.status == 0:
            return
        raise HostError(
            f"podman has no image {reference} and cannot get it: {error.log.strip()}",
            hint=f"build or load it for this user: `podman build -t {reference} …`",
        ) from error
