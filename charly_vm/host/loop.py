"""One asyncio loop per process, on a thread of its own, behind the blocking `call`.

asyncssh and qemu.qmp live there, while everything around them stays synchronous. asyncio itself is
imported with the first call: commands that talk to no machine do not pay for it.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

CLEAN_UP_SECONDS = 5.0


def call(coro: Coroutine[Any, Any, T], *, grace: float = CLEAN_UP_SECONDS) -> T:
    """Run a coroutine on the loop thread and return its result, or raise what it raised.

    When the caller is interrupted (Ctrl-C, a test's timeout), the coroutine is cancelled and has
    `grace` seconds to clean up before the interruption goes on. Nothing else has a deadline here:
    a coroutine that waits brings its own. Raises RuntimeError on the loop's own thread, where
    waiting would never end.
    """
    try:
        loop = _loop()
    except RuntimeError:
        coro.close()
        raise
    task: asyncio.Task[T] | None = None
    # A bare lock, held until the task has ended: an Event that is interrupted while it takes the
    # lock within it keeps that lock, and then both sides wait for ever.
    ended = threading.Lock()
    ended.acquire()

    def launch() -> None:
        nonlocal task
        task = loop.create_task(coro)
        task.add_done_callback(lambda _: ended.release())

    def cancel() -> None:
        if task is not None:
            task.cancel()
        else:
            coro.close()
            ended.release()

    try:
        loop.call_soon_threadsafe(launch)
        ended.acquire()
    except BaseException:
        # The loop keeps the order: where there is no task by now, the interruption came so early
        # that there will never be one.
        loop.call_soon_threadsafe(cancel)
        if task is None or not task.done():
            ended.acquire(timeout=grace)
        raise
    assert task is not None
    return task.result()


class _LoopThread:
    """A loop and the daemon thread that runs it."""

    def __init__(self) -> None:
        import asyncio

        # With a factory the loop does not become the event loop of the thread that asks for it.
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.loop = self.runner.get_loop()
        self.thread = threading.Thread(target=self._serve, name="charly-loop", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        with self.runner:
            while True:
                try:
                    self.loop.run_forever()
                except (SystemExit, KeyboardInterrupt):
                    # asyncio lets these two through the loop. The task has kept it for its
                    # caller; the loop goes on, or every later call would wait for ever.
                    continue
                return

    def stop(self) -> None:
        """Cancel what still runs and close the loop; bounded, since the interpreter is ending."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(CLEAN_UP_SECONDS)


_lock = threading.Lock()
_current: _LoopThread | None = None
_inherited: list[_LoopThread] = []


def _loop() -> asyncio.AbstractEventLoop:
    global _current
    with _lock:
        if _current is None:
            _current = _LoopThread()
            atexit.register(_stop_at_exit, os.getpid())
        if threading.current_thread() is _current.thread:
            raise RuntimeError("call() was used on the event loop's own thread: await instead")
        return _current.loop


def _stop_at_exit(owner: int) -> None:
    if _current is not None and os.getpid() == owner:
        _current.stop()


def _forget_after_fork() -> None:
    """A forked child has the loop without its thread, so its first call makes one of its own.

    The parent's loop is kept and never closed: closing would take its descriptors out of the epoll
    set that parent and child share, and the parent's loop would go deaf.
    """
    global _current, _lock
    _lock = threading.Lock()
    if _current is not None:
        _inherited.append(_current)
        _current = None


os.register_at_fork(after_in_child=_forget_after_fork)
