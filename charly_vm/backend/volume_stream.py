"""Sending a file into a volume so that half of it can never pass for the whole.

A volume cannot be renamed, and nothing in libvirt says whether an upload has come to its end. So
the first cluster of an image comes last: without a header a qcow2 is none, and whoever looks at
it, libvirt and QEMU as well as we, sees so.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from charly_vm.backend.libvirt_binding import import_libvirt

HEADER = 65536
"""A qcow2's first cluster; that of any cluster size begins with the header."""
PIECE = 1024**2
"""Bytes between two reports of the progress."""
MESSAGE = 262_120
"""What fits into one message of libvirt's protocol beside its header."""


def send_file(
    connection: Any, volume: Any, source: int, length: int, tell: Callable[[int], None]
) -> None:
    """Send an open file of `length` bytes into a volume of that length that is empty so far."""
    sparse = import_libvirt().VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM
    # Opened before anything is sent: what goes through it later ends up in this file and in none
    # that somebody has put in its place.
    with _stream(connection, volume, 0, min(length, HEADER), 0) as head:
        if length > HEADER:
            with _stream(connection, volume, HEADER, 0, sparse) as body:
                _send_part(body, source, HEADER, length, tell)
        _send_data(head, os.pread(source, HEADER, 0))


def find_extents(source: int, start: int, end: int) -> Iterator[tuple[bool, int]]:
    """The data (True) and the holes of an open file from `start` to `end`, with their lengths."""
    position = start
    while position < end:
        data = _seek(source, position, os.SEEK_DATA, end)
        if data > position:
            yield False, data - position
        hole = _seek(source, data, os.SEEK_HOLE, end) if data < end else end
        if hole > data:
            yield True, hole - data
        position = hole


def _seek(source: int, position: int, whence: int, end: int) -> int:
    try:
        return min(os.lseek(source, position, whence), end)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        # Nothing but a hole up to the end.
        return end


@contextmanager
def _stream(connection: Any, volume: Any, offset: int, length: int, flags: int) -> Iterator[Any]:
    """A stream into a volume from `offset` on, finished with the block; `length` 0 has no limit."""
    libvirt = import_libvirt()
    stream = connection.newStream(0)
    volume.upload(stream, offset, length, flags)
    try:
        yield stream
        stream.finish()
    except BaseException:
        # One that has failed is closed already.
        with suppress(libvirt.libvirtError):
            stream.abort()
        raise


def _send_part(stream: Any, source: int, start: int, end: int, tell: Callable[[int], None]) -> None:
    """Of its holes the length alone is sent."""
    position = start
    for is_data, length in find_extents(source, start, end):
        if not is_data:
            stream.sendHole(length, 0)
        while is_data and length > 0:
            piece = os.pread(source, min(length, PIECE), position)
            if not piece:
                raise OSError(errno.EIO, "the file has become shorter")
            _send_data(stream, piece)
            position, length = position + len(piece), length - len(piece)
            tell(position)
        position += length


def _send_data(stream: Any, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[stream.send(bytes(left[:MESSAGE])) :]
