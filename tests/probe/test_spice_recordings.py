"""Recordings of a real server, as they are and damaged.

`record_spice.py` makes them. As they are they give the picture that the server had; damaged they
may give anything, but soon, within bounds, and no error but our own.
"""

from __future__ import annotations

import struct
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat
from replaying import GOLDEN, join, play, split

from charly_vm.probe.spice.cursor_channel import CursorChannel
from charly_vm.probe.spice.display_channel import DisplayChannel
from charly_vm.probe.spice.limits import MAX_PIXELS
from charly_vm.probe.spice.main_channel import MainChannel
from charly_vm.probe.spice.picture import picture_of

DISPLAYS = sorted(path.stem for path in GOLDEN.glob("display-*.spice"))
ALL = [*DISPLAYS, "main", "cursor"]

END = "a tape closed the connection"


def kind_of(name: str) -> str:
    return name.partition("-")[0]


def recording(name: str) -> bytes:
    return (GOLDEN / f"{name}.spice").read_bytes()


def test_there_are_recordings_of_each_kind() -> None:
    assert len(DISPLAYS) == 6


@pytest.mark.parametrize("name", DISPLAYS)
def test_a_recording_gives_the_picture_that_the_server_had(name: str) -> None:
    channel, end = play("display", recording(name))
    assert isinstance(channel, DisplayChannel)
    assert end.message == END
    raster = channel.drawing.surfaces[0].raster()
    picture = picture_of(raster, raster.bounds)
    ours = Image.frombytes("RGB", (picture.width, picture.height), picture.pixels)
    with Image.open(GOLDEN / "screen.png") as theirs:
        difference = ImageChops.difference(ours, theirs.convert("RGB"))
    assert max(ImageStat.Stat(difference).mean) < (15 if name == "display-jpeg" else 0.4)
    assert channel.marked
    assert not channel.notes


def test_the_cursor_of_a_recording_is_where_it_was() -> None:
    channel, _ = play("cursor", recording("cursor"))
    assert isinstance(channel, CursorChannel)
    cursor = channel.cursor
    assert (cursor.x, cursor.y, cursor.visible) == (9, 9, False)
    assert cursor.picture is not None


def test_the_main_channel_of_a_recording_knows_its_channels() -> None:
    channel, _ = play("main", recording("main"))
    assert isinstance(channel, MainChannel)
    assert sorted(channel.channels or []) == [(2, 0), (3, 0), (4, 0)]


@pytest.mark.parametrize("name", ALL)
def test_a_recording_may_end_anywhere(name: str) -> None:
    whole = recording(name)
    for end in range(1, len(whole), max(1, len(whole) // 25)):
        _, error = play(kind_of(name), whole[:end])
        assert error.message.startswith(END), error


NUMBERS = st.sampled_from(
    [0, 1, 2, 255, 256, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]
)

DAMAGE = st.one_of(
    st.tuples(st.just("byte"), st.floats(0, 1), st.integers(0, 255)),
    st.tuples(st.just("number"), st.floats(0, 1), NUMBERS),
    st.tuples(st.just("cut"), st.floats(0, 1), st.integers(1, 40)),
    st.tuples(st.just("insert"), st.floats(0, 1), st.integers(1, 40)),
)


def damage(body: bytes, kind: str, where: float, value: int) -> bytes:
    at = int(where * len(body))
    if kind == "byte":
        return body[:at] + bytes([value]) + body[at + 1 :]
    if kind == "number":
        return body[:at] + struct.pack("<I", value) + body[at + 4 :]
    if kind == "cut":
        return body[:at] + body[at + value :]
    return body[:at] + bytes(value) + body[at:]


def play_within_bounds(kind: str, data: bytes) -> None:
    """Only our own errors, in little time, and with no more memory than a few largest images."""
    began = time.monotonic()
    tracemalloc.start()
    try:
        play(kind, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * 4 * MAX_PIXELS
    assert time.monotonic() - began < 60


few = settings(
    max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@few
@given(
    name=st.sampled_from(ALL),
    where=st.floats(0, 0.999),
    kinds=st.lists(DAMAGE, min_size=1, max_size=4),
)
def test_damaged_messages(name: str, where: float, kinds: list[tuple[str, float, int]]) -> None:
    """The framing stays whole, so that the damage is read as what it is not."""
    messages = split(recording(name))
    index = int(where * len(messages))
    number, body = messages[index]
    for one in kinds:
        body = damage(body, *one)
    messages[index] = number, body
    play_within_bounds(kind_of(name), join(messages))


@few
@given(
    name=st.sampled_from(ALL),
    where=st.floats(0, 0.999),
    other=st.floats(0, 0.999),
    number=st.integers(0, 400),
)
def test_messages_in_another_order_and_of_another_kind(
    name: str, where: float, other: float, number: int
) -> None:
    messages = split(recording(name))
    first, second = int(where * len(messages)), int(other * len(messages))
    messages[first], messages[second] = messages[second], messages[first]
    messages[first] = number, messages[first][1]
    play_within_bounds(kind_of(name), join(messages))


@few
@given(
    name=st.sampled_from(ALL), kinds=st.lists(DAMAGE, min_size=1, max_size=6), mini=st.booleans()
)
def test_damaged_streams(name: str, kinds: list[tuple[str, float, int]], mini: bool) -> None:
    data = recording(name)
    for one in kinds:
        data = damage(data, *one)
    began = time.monotonic()
    play(kind_of(name), data, mini_header=mini)
    assert time.monotonic() - began < 60


@few
@given(data=st.binary(max_size=400), kind=st.sampled_from(["main", "display", "cursor", "inputs"]))
def test_noise(data: bytes, kind: str) -> None:
    play(kind, data)
