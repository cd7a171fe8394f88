"""The watchdog: it ends what blocks, and leaves alone what has ended."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FrameType

import pytest

from pytest_charly.watchdog import SIGNAL, Clock, Watchdog


class Over(BaseException):
    """What the watchdog of these tests raises."""


def describe(frame: FrameType | None) -> Over:
    return Over(frame.f_code.co_name if frame else "")


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    made = Watchdog()
    yield made
    made.close()


def loop() -> None:
    while True:
        pass


def sleep() -> None:
    time.sleep(60)


def read() -> None:
    here, _there = os.pipe()
    os.read(here, 1)


def wait_for_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


@pytest.mark.parametrize("work", [loop, sleep, read, wait_for_lock])
def test_whatever_the_main_thread_does_is_interrupted(
    watchdog: Watchdog, work: Callable[[], None]
) -> None:
    started = time.monotonic()
    with pytest.raises(Over) as raised, watchdog.watch(Clock(0.1), describe, again=60):
        work()
    assert str(raised.value) == work.__name__
    assert 0.1 <= time.monotonic() - started < 5


def test_what_ends_in_time_is_left_alone(watchdog: Watchdog) -> None:
    with watchdog.watch(Clock(0.1), describe, again=60):
        pass
    time.sleep(0.3)


def test_who_catches_everything_is_interrupted_again_and_again(watchdog: Watchdog) -> None:
    caught: list[BaseException] = []

    def catch_three() -> None:
        while len(caught) < 3:
            try:
                time.sleep(60)
            except BaseException as error:
                caught.append(error)

    with pytest.raises(Over), watchdog.watch(Clock(0.05), describe, again=0.05):
        catch_three()
    assert all(isinstance(one, Over) for one in caught)


def test_who_catches_it_and_ends_is_not_taken_for_in_time(watchdog: Watchdog) -> None:
    with pytest.raises(Over), watchdog.watch(Clock(0.05), describe, again=60), suppress(Over):
        time.sleep(60)


def test_only_the_innermost_clock_runs(watchdog: Watchdog) -> None:
    outer, inner = Clock(0.2), Clock(60)

    def work() -> None:
        with watchdog.watch(inner, describe, again=60):
            time.sleep(0.4)
        assert outer.left > 0.1
        time.sleep(60)

    with pytest.raises(Over), watchdog.watch(outer, describe, again=60):
        work()


def test_no_clock_runs_while_a_person_is_at_work(watchdog: Watchdog) -> None:
    clock = Clock(0.2)

    def work() -> None:
        watchdog.pause()
        time.sleep(0.4)
        watchdog.resume()
        assert clock.left > 0.1
        time.sleep(60)

    with pytest.raises(Over), watchdog.watch(clock, describe, again=60):
        work()


def test_a_clock_goes_on_where_it_stopped(watchdog: Watchdog) -> None:
    clock = Clock(0.3)
    with watchdog.watch(clock, describe, again=60):
        time.sleep(0.2)
    time.sleep(0.3)
    assert 0 < clock.left < 0.15
    with pytest.raises(Over), watchdog.watch(clock, describe, again=60):
        time.sleep(60)
    assert clock.is_over


def test_the_signal_is_given_back() -> None:
    def mine(number: int, frame: FrameType | None) -> None:
        pass

    before = signal.signal(SIGNAL, mine)
    try:
        watchdog = Watchdog()
        with watchdog.watch(Clock(60), describe, again=60):
            assert signal.getsignal(SIGNAL) is not mine
        watchdog.close()
        assert signal.getsignal(SIGNAL) is mine
    finally:
        signal.signal(SIGNAL, before)
    assert "charly-watchdog" not in [one.name for one in threading.enumerate()]


def test_outside_of_the_main_thread_nothing_is_interrupted(watchdog: Watchdog) -> None:
    ended = []

    def work() -> None:
        with watchdog.watch(Clock(0.05), describe, again=60):
            time.sleep(0.2)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]


def test_a_stray_signal_ends_nothing(watchdog: Watchdog) -> None:
    with watchdog.watch(Clock(60), describe, again=60):
        signal.raise_signal(SIGNAL)


@pytest.mark.timeout(60)
def test_time_that_runs_out_at_the_end_of_the_work_does_no_harm(watchdog: Watchdog) -> None:
    """The race that there is, many times: each block ends when its time does."""
    for number in range(300):
        seconds = 0.001 + number % 7 / 10000
        with suppress(Over), watchdog.watch(Clock(seconds), describe, again=60):
            time.sleep(seconds)
        watchdog.end_all()
    with pytest.raises(Over), watchdog.watch(Clock(0.05), describe, again=60):
        time.sleep(60)
