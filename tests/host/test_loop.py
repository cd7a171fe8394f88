"""The loop thread: results and errors come through, interruptions clean up, forks are safe."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import pytest

from charly_vm.host.loop import call
from charly_vm.host.process import run


def test_a_result_and_an_error_come_back_to_the_caller() -> None:
    async def answer(value: int) -> int:
        await asyncio.sleep(0)
        if value < 0:
            raise ValueError("negative")
        return value

    assert call(answer(7)) == 7
    with pytest.raises(ValueError, match="negative"):
        call(answer(-1))


def test_all_threads_share_one_loop_which_runs_their_calls_at_the_same_time() -> None:
    barrier = asyncio.Barrier(8)
    loops = set()

    async def meet() -> None:
        loops.add(asyncio.get_running_loop())
        async with asyncio.timeout(5):
            await barrier.wait()

    threads = [threading.Thread(target=lambda: call(meet())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loops) == 1
    assert barrier.n_waiting == 0


def test_a_call_from_the_loops_own_thread_is_refused() -> None:
    async def inner() -> None:
        pass

    async def outer() -> None:
        call(inner())

    with pytest.raises(RuntimeError, match="own thread"):
        call(outer())


def test_an_interrupted_caller_cancels_the_coroutine_and_waits_for_its_clean_up() -> None:
    started = threading.Event()
    cleaned: list[str] = []

    async def work() -> None:
        try:
            started.set()
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.05)
            cleaned.append("up")

    def interrupt() -> None:
        started.wait(5)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        call(work())
    assert cleaned == ["up"]


def test_a_clean_up_that_hangs_holds_an_interrupted_caller_no_longer_than_its_grace() -> None:
    started = threading.Event()
    release = asyncio.Event()

    async def work() -> None:
        try:
            started.set()
            await asyncio.sleep(30)
        finally:
            await release.wait()

    def interrupt() -> None:
        started.wait(5)
        os.kill(os.getpid(), signal.SIGINT)

    async def let_go() -> None:
        release.set()

    threading.Thread(target=interrupt).start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        call(work(), grace=0.2)
    assert 0.2 <= time.monotonic() - begin < 5
    call(let_go())


class _Interruption:
    """Raises KeyboardInterrupt at the n-th point of a thread where a signal's handler may run.

    CPython 3.11 looks for signals where a function begins and after each call (`eval_breaker` in
    ceval.c): that is where a profile function is told of them.
    """

    def __init__(self, point: int) -> None:
        self.left = point

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        # What is raised in the callback of a weak reference goes no further.
        if event in {"call", "c_return"} and frame.f_code.co_name != "_remove":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


def test_a_caller_may_be_interrupted_anywhere() -> None:
    async def answer() -> int:
        await asyncio.sleep(0.001)
        return 1

    def use(interruption: _Interruption) -> None:
        work = answer()
        try:
            sys.setprofile(interruption)
            call(work, grace=2)
        except KeyboardInterrupt:
            pass
        finally:
            sys.setprofile(None)
            work.close()

    for point in itertools.count(1):
        interruption = _Interruption(point)
        caller = threading.Thread(target=use, args=[interruption], daemon=True)
        caller.start()
        caller.join(20)
        assert not caller.is_alive(), f"the caller waits for ever when interrupted at {point}"
        assert call(answer()) == 1
        if interruption.left > 0:
            break
    assert point > 10


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, pytest.fail.Exception])
def test_the_loop_survives_an_exception_that_is_no_ordinary_one(
    error: type[BaseException],
) -> None:
    async def leave() -> None:
        raise error("left")

    async def answer() -> int:
        return 1

    with pytest.raises(error):
        call(leave())
    assert call(answer()) == 1


def test_a_forked_child_makes_a_loop_of_its_own_and_the_parents_goes_on() -> None:
    child = """
import asyncio, os
from charly_vm.host.loop import call

async def answer(value):
    await asyncio.sleep(0.01)
    return value

assert call(answer(1)) == 1
pid = os.fork()
if pid == 0:
    ok = call(answer(2)) == 2
    os._exit(0 if ok else 1)
assert os.waitpid(pid, 0)[1] == 0
assert call(answer(3)) == 3
"""
    done = run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", child], timeout=20)
    assert done.stderr == ""


def test_the_interpreter_ends_quietly_with_work_still_on_the_loop(tmp_path: Path) -> None:
    child = """
import asyncio, sys
from charly_vm.host.loop import call

async def linger():
    try:
        await asyncio.sleep(60)
    finally:
        open(sys.argv[1], "w").close()

async def start():
    global kept
    kept = asyncio.get_running_loop().create_task(linger())
    await asyncio.sleep(0.01)

call(start())
"""
    mark = tmp_path / "cleaned"
    done = run(
        [sys.executable, "-X", "dev", "-c", child, str(mark)],
        timeout=20,
        env={"PYTHONASYNCIODEBUG": "1"},
    )
    assert done.stderr == ""
    assert mark.exists()


def test_the_callers_thread_may_run_a_loop_of_its_own_beside_it() -> None:
    async def answer() -> int:
        return 1

    async def outer() -> int:
        return await asyncio.to_thread(call, answer())

    assert asyncio.run(outer()) == 1


def test_importing_the_module_does_not_import_asyncio() -> None:
    child = "import charly_vm.host.loop, sys; print('asyncio' in sys.modules)"
    assert run([sys.executable, "-c", child], timeout=20).stdout == "False\n"
