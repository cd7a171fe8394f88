"""The images of one disk, each standing on the one below: what external snapshots are made of.

No image is ever renamed: QEMU opens an image again by its name when it changes from writing to
reading it, so a name has to mean the same file for as long as a machine runs.
"""

from __future__ import annotations

import json
from pathlib import Path

from charly_vm.disk.qcow2 import INFO_TIMEOUT, appearing, inspect_image, qemu_img

COMMIT_TIMEOUT = 6 * 3600.0
"""For as much as a disk holds."""

IN_USE = "Is another process using the image"


def add_layer(below: Path, path: Path) -> None:
    """Make an empty image at `path` that stands on `below`, which may be in use."""
    size = inspect_image(below).virtual_size
    with appearing(path) as temporary:
        # -u: not to open the image below, which a running machine has locked.
        qemu_img(
            "create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", below, temporary, str(size),
            timeout=INFO_TIMEOUT,
        )  # fmt: skip


def merge_layer(layer: Path) -> None:
    """Write what an image holds into the one below, and leave the image itself as it is.

    Seen through the image nothing changes at any moment, so this can be interrupted and repeated.
    Neither of the two may be in use.
    """
    qemu_img("commit", "-q", "-d", "-f", "qcow2", layer, timeout=COMMIT_TIMEOUT)


def rest_layer_on(layer: Path, below: Path) -> None:
    """Have an image stand on another one, which holds the same as the one that it stands on."""
    qemu_img(
        "rebase", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", below, layer,
        timeout=INFO_TIMEOUT,
    )  # fmt: skip


def find_layer_below(path: Path) -> Path | None:
    """The image that another one stands on."""
    below = inspect_image(path).backing_file
    return Path(below) if below else None


def is_in_use(path: Path) -> bool:
    """Whether a process has an image open for writing, by the lock that QEMU holds on it then."""
    done = qemu_img("info", "-f", "qcow2", path, timeout=INFO_TIMEOUT, check=False)
    return IN_USE in done.stderr


def read_snapshots(path: Path) -> dict[str, bool]:
    """The snapshots inside an image by name, and whether each has a machine's memory."""
    done = qemu_img("info", "-U", "--output=json", "-f", "qcow2", path, timeout=INFO_TIMEOUT)
    listed = json.loads(done.stdout).get("snapshots", [])
    return {one["name"]: one["vm-state-size"] > 0 for one in listed}
