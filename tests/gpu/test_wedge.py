"""Tasks that sleep for ever in a driver's remove are told by procfs alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_host import FakeHost

from charly_vm.gpu.wedge import StuckTask, check_wedge

REMOVE = ("msleep", "nv_pci_remove", "pci_device_remove", "device_release_driver_internal")


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def wedge_of(host: FakeHost, *frames: str, name: str = "rmmod", state: str = "D") -> None:
    host.add_process(42, name)
    host.add_task(42, 42, name, state, *frames)


def test_a_host_at_peace_is_clear(host: FakeHost) -> None:
    host.add_process(1, "systemd")
    wedge_of(host, *REMOVE, state="S")
    assert check_wedge(host.root).is_clear


def test_who_waits_in_the_drivers_remove_is_found(host: FakeHost) -> None:
    wedge_of(host, *REMOVE, name="tee")
    check = check_wedge(host.root)
    [task] = check.tasks
    assert task == StuckTask(42, 42, "tee", REMOVE)
    assert check.wedged == (task,)
    assert not check.is_clear
    assert str(task) == "tee (pid 42) in uninterruptible sleep in nv_pci_remove"


@pytest.mark.parametrize(
    "frame", ["nv_pci_remove", "nv_pci_remove_helper", "nv_pci_remove_helper.cold"]
)
def test_the_remove_of_real_drivers_has_a_longer_name(host: FakeHost, frame: str) -> None:
    wedge_of(host, "os_delay", frame, "pci_device_remove")
    [task] = check_wedge(host.root).wedged
    assert str(task).endswith(f"in {frame}")


def test_who_only_waits_for_the_lock_is_no_wedge_but_not_clear_either(host: FakeHost) -> None:
    wedge_of(host, "__mutex_lock", "device_release_driver_internal", "unbind_store")
    host.add_task(42, 43, "rmmod", "D", "__mutex_lock", "device_driver_detach")
    check = check_wedge(host.root)
    assert [task.task for task in check.tasks] == [42, 43]
    assert check.wedged == ()
    assert not check.is_clear
    assert str(check.tasks[0]) == "rmmod (pid 42) in uninterruptible sleep"


@pytest.mark.parametrize("frames", [(), ("io_schedule", "folio_wait_bit"), ("x_nv_pci_remove",)])
def test_who_waits_for_something_else_is_no_matter(host: FakeHost, frames: tuple[str, ...]) -> None:
    wedge_of(host, *frames)
    assert check_wedge(host.root).is_clear


@pytest.mark.parametrize(
    "name", ["a b", "x) S 1 (y", ") D", "((", "tmux: server", "(sd-pam)", "", "D"]
)
def test_a_name_may_have_any_character(host: FakeHost, name: str) -> None:
    wedge_of(host, *REMOVE, name=name)
    host.add_process(43, "sleeper")
    host.add_task(43, 43, name, "S", *REMOVE)
    [task] = check_wedge(host.root).tasks
    assert (task.pid, task.name) == (42, name)


def test_each_thread_of_a_process_is_looked_at(host: FakeHost) -> None:
    wedge_of(host, "futex_wait", state="S", name="dockerd")
    host.add_task(42, 50, "worker 1", "D", *REMOVE)
    host.add_task(42, 51, "worker 2", "R")
    [task] = check_wedge(host.root).wedged
    assert (task.pid, task.task, task.name) == (42, 50, "worker 1")


def test_a_thread_of_the_kernel_is_found_as_well(host: FakeHost) -> None:
    """It has neither files nor a control group that anybody may read."""
    host.add_task(9, 9, "kworker/0:1+events", "D", *REMOVE)
    [task] = check_wedge(host.root).wedged
    assert task.name == "kworker/0:1+events"


def close_stack(host: FakeHost, monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    """Stacks are for root, and a test may be just that."""
    read = Path.read_text

    def read_text(path: Path, *words: str | None, **more: str | None) -> str:
        if path.name == "stack":
            raise error
        return read(path, *words, **more)

    monkeypatch.setattr(Path, "read_text", read_text)


def test_whose_stack_is_closed_to_an_ordinary_user_may_be_one(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    wedge_of(host, *REMOVE)
    host.add_process(43, "bash")
    close_stack(host, monkeypatch, PermissionError(13, "Permission denied"))
    check = check_wedge(host.root)
    assert check.tasks == check.wedged == ()
    assert check.closed == (StuckTask(42, 42, "rmmod", ()),)
    assert not check.is_clear


def test_a_task_that_ends_while_it_is_looked_at_is_no_matter(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    wedge_of(host, *REMOVE)
    close_stack(host, monkeypatch, ProcessLookupError(3, "No such process"))
    assert check_wedge(host.root).is_clear


def test_where_the_kernel_tells_no_stacks_any_sleeper_may_be_one(host: FakeHost) -> None:
    wedge_of(host, *REMOVE)
    (host.root.proc / "42/task/42/stack").unlink()
    check = check_wedge(host.root)
    assert [task.pid for task in check.closed] == [42]


def test_torn_files_are_passed_over(host: FakeHost) -> None:
    wedge_of(host, *REMOVE)
    for name in ("42/stat", "42/task/42/stat"):
        (host.root.proc / name).write_text("42 (rmmod")
    (host.root.proc / "43/task/43").mkdir(parents=True)
    (host.root.proc / "44").mkdir()
    (host.root.proc / "self").mkdir()
    assert check_wedge(host.root).is_clear


def test_the_lines_of_a_stack_are_read_as_the_kernel_writes_them(host: FakeHost) -> None:
    wedge_of(host)
    (host.root.proc / "42/task/42/stack").write_text(
        "[<0>] msleep+0x2a/0x40\n"
        "[<0>] nv_pci_remove_helper.cold+0x120/0x310 [nvidia]\n"
        "[<ffffffff81a0b2c0>] pci_device_remove+0x36/0xb0\n"
        "[<0>] 0xffffffffffffffff\n"
    )
    [task] = check_wedge(host.root).tasks
    assert task.frames == ("msleep", "nv_pci_remove_helper.cold", "pci_device_remove")
