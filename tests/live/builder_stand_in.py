"""A container image of ours that has a builder, as a registry's would: imported, never pulled.

Its debootstrap is Debian's own behind a name of ours, which leaves a mark in what it makes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from platformdirs import user_cache_path

from charly_vm.host.process import run

REFERENCE = "localhost/charly-tests/debootstrap:1"
MARK = "/etc/made-in-a-builder-image"

_WRAPPER = f"""\
#!/bin/sh -eu
/usr/sbin/debootstrap.real "$@"
for tree; do :; done
echo "${{0##*/}} {REFERENCE}" >"$tree{MARK}"
"""

_PUT_WRAPPER = (
    'mv "$1/usr/sbin/debootstrap" "$1/usr/sbin/debootstrap.real" && '
    'cp --preserve=mode "$WRAPPER" "$1/usr/sbin/debootstrap"'
)


def have_builder_image() -> str:
    """The reference of the image, which is made where podman or the cache does not have it."""
    if run(["podman", "image", "exists", REFERENCE], timeout=60, check=False).status != 0:
        run(["podman", "import", "--quiet", _archive(), REFERENCE], timeout=300)
    return REFERENCE


def _archive() -> Path:
    archive = user_cache_path("charly-tests") / "debootstrap-1.tar"
    if archive.exists():
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="charly-", dir=archive.parent) as directory:
        wrapper, made = Path(directory) / "wrapper", Path(directory) / "made.tar"
        wrapper.write_text(_WRAPPER)
        wrapper.chmod(0o755)
        Path(directory).chmod(0o755)
        run(
            [
                *("mmdebstrap", "--mode=unshare", "--variant=minbase"),
                "--include=debootstrap,debian-archive-keyring,ca-certificates",
                f"--customize-hook={_PUT_WRAPPER}",
                *("bookworm", made),
            ],
            env={"WRAPPER": str(wrapper), "TMPDIR": directory},
            timeout=900,
        )
        made.replace(archive)
    return archive
