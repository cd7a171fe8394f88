"""setup/reaping: the command's own end is its end, and no orphan stays behind as a zombie."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from stand_ins import CHECKOUT

REAPING = CHECKOUT / "setup/reaping"

ORPHANS = """
import os, sys, time
if os.fork() == 0:
    orphan = os.fork()
    if orphan == 0:
        os._exit(0)
    print(orphan, flush=True)
    os._exit(0)
os.wait()
time.sleep(float(sys.argv[1]))
"""
"""Leaves a process that has ended, and says its id."""


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 128 + 9)]
)
def test_the_status_is_the_commands(script: str, status: int) -> None:
    done = subprocess.run([REAPING, "sh", "-c", script], timeout=20, check=False)
    assert done.returncode == status


def test_an_orphan_is_reaped_while_the_command_goes_on() -> None:
    argv = [str(REAPING), sys.executable, "-c", ORPHANS, "20"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        orphan = int(running.stdout.readline())
        deadline = time.monotonic() + 10
        while _exists(orphan) and time.monotonic() < deadline:
            time.sleep(0.01)
        gone, still_runs = not _exists(orphan), running.poll() is None
        running.terminate()
    assert gone
    assert still_runs


def _exists(pid: int) -> bool:
    done = subprocess.run(["kill", "-0", str(pid)], capture_output=True, check=False)
    return done.returncode == 0


def test_ctrl_c_is_the_commands_to_answer() -> None:
    script = "trap 'echo tidied; exit 130' INT; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen(
        [REAPING, "sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        # As a terminal does: to the whole group.
        os.killpg(running.pid, signal.SIGINT)
        assert running.stdout.read() == "tidied\n"
        assert running.wait(20) == 130
