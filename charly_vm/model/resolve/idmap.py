"""Whose files in a shared directory are whose: ids in the guest and on the host."""

from __future__ import annotations

from collections.abc import Iterator

from charly_vm.host.subordinate_ids import HostUser, SubordinateIds
from charly_vm.model.libvirt.devices.filesystem import Filesystem, IdMap, IdRange

FIRST_USER = 1000
"""The id of the first ordinary account, in the guests of all distributions that run here."""


def map_ids(filesystem: Filesystem, user: HostUser | None) -> Filesystem:
    """With a map where there can be one and the author has written none.

    The guest's first user is the host's, so that each finds the other's files as its own. Root
    needs no map: its virtiofsd may take on every id.
    """
    if (
        filesystem.driver.type != "virtiofs"
        or filesystem.accessmode not in (None, "passthrough")
        or filesystem.idmap is not None
        or filesystem.source.dir is None
        or user is None
        or user.uid == 0
        or user.subuids is None
        or user.subgids is None
    ):
        return filesystem
    idmap = IdMap(
        uid=tuple(_ranges(user.uid, user.subuids)), gid=tuple(_ranges(user.gid, user.subgids))
    )
    return filesystem.model_copy(update={"idmap": idmap})


def _ranges(own: int, others: SubordinateIds) -> Iterator[IdRange]:
    """The guest's ids from 0 upwards: the range in order, with the own id in its place."""
    below = min(FIRST_USER, others.count)
    if below:
        yield IdRange(start=0, target=others.start, count=below)
    yield IdRange(start=FIRST_USER, target=own, count=1)
    if above := others.count - below:
        yield IdRange(start=FIRST_USER + 1, target=others.start + below, count=above)
