"""What of a file is sent to a storage pool. Real pools are in `tests/live`."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from charly_vm.backend.volume_stream import find_extents

MIB = 1024**2


def test_a_sparse_file_is_its_data_and_the_lengths_of_its_holes(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as stream:
        stream.seek(MIB)
        stream.write(b"x" * MIB)
        stream.truncate(3 * MIB)
    with path.open("rb") as stream:
        assert list(find_extents(stream.fileno(), 0, 3 * MIB)) == [
            (False, MIB),
            (True, MIB),
            (False, MIB),
        ]
        # From the middle of one to the middle of another.
        assert list(find_extents(stream.fileno(), MIB // 2, MIB * 5 // 2)) == [
            (False, MIB // 2),
            (True, MIB),
            (False, MIB // 2),
        ]
        assert list(find_extents(stream.fileno(), MIB, MIB)) == []


@given(
    pieces=st.lists(st.tuples(st.booleans(), st.integers(1, 300_000)), max_size=8),
    cut=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
)
def test_extents_put_together_are_the_file(
    pieces: list[tuple[bool, int]], cut: tuple[int, int]
) -> None:
    descriptor = os.memfd_create("pieces")
    try:
        for is_data, length in pieces:
            if is_data:
                os.write(descriptor, b"y" * length)
            else:
                os.lseek(descriptor, length, os.SEEK_CUR)
        size = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.ftruncate(descriptor, size)
        start, end = sorted(min(one, size) for one in cut)
        together, position = b"", start
        for is_data, length in find_extents(descriptor, start, end):
            assert length > 0
            together += os.pread(descriptor, length, position) if is_data else bytes(length)
            position += length
        assert together == os.pread(descriptor, end - start, start)
    finally:
        os.close(descriptor)
