"""The store: one builder per recipe, and nothing half-made that could be taken for good."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tiny_disk import MEBIBYTE, make_qcow2, run_on_tiny_disk
from watcher import Watcher

from charly_vm.disk.store import Recipe, Store
from charly_vm.errors import HostError, LaunchError
from charly_vm.host.process import run, spawn
from charly_vm.host.progress import SILENT
from charly_vm.host.waiting import Deadline, NotYet, wait_for

if TYPE_CHECKING:
    import subprocess

RECIPE = Recipe("a tiny disk", ("tiny", "1"))
OTHER = Recipe("another tiny disk", ("tiny", "2"))

BUILD_IN_ANOTHER_PROCESS = """\
import signal, sys
from pathlib import Path
from charly_vm.disk.store import Recipe, Store
from charly_vm.host.process import run
from charly_vm.host.progress import SILENT

directory, log, how = map(Path, sys.argv[1:])

def build(workspace):
    (workspace / "half").write_bytes(b"half-made")
    with log.open("a") as stream:
        stream.write("builds\\n")
    if str(how) == "hangs":
        signal.pause()
    while not how.exists():
        pass
    run(["qemu-img", "create", "-q", "-f", "qcow2", workspace / "disk", "1M"], timeout=20)
    return workspace / "disk"

print(Store(directory).build(Recipe("a tiny disk", ("tiny", "1")), build, SILENT).digest)
"""


def builder(size: int = MEBIBYTE) -> Callable[[Path], Path]:
    return lambda workspace: make_qcow2(workspace / "disk.qcow2", size=size)


def must_not_build(workspace: Path) -> Path:
    pytest.fail("it is there already")


def start_builder(store: Store, log: Path, how: str | Path, out: Path) -> subprocess.Popen[bytes]:
    """A process that builds RECIPE: hangs in the middle, or goes on once the file `how` exists."""
    code = BUILD_IN_ANOTHER_PROCESS
    with out.open("wb") as output:
        return spawn([sys.executable, "-c", code, store.directory, log, how], output=output)


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    wait_for(what, lambda: holds() or NotYet(), Deadline(20), every=0.01)


def test_an_image_is_built_once_and_then_found(store: Store) -> None:
    built = store.build(RECIPE, builder(), SILENT)
    assert store.build(RECIPE, must_not_build, SILENT) == built
    assert store.find(RECIPE) == built
    assert built.virtual_size == MEBIBYTE


def test_an_image_is_named_after_its_content_and_is_read_only(store: Store) -> None:
    image = store.build(RECIPE, builder(), SILENT)
    digest = run(["sha256sum", image.path], timeout=20).stdout.split()[0]
    assert image.digest == digest
    assert image.path == store.directory / "sha256" / f"{digest}.qcow2"
    assert image.path.stat().st_mode & 0o777 == 0o444


def test_a_recipe_says_for_people_what_it_made_and_when(store: Store) -> None:
    image = store.build(RECIPE, builder(), SILENT)
    entry = json.loads((store.directory / "recipes" / f"{RECIPE.digest}.json").read_text())
    assert entry["description"] == "a tiny disk"
    assert entry["digest"] == image.digest
    assert entry["made_at"].endswith("+00:00")


def test_what_determines_an_image_determines_its_recipe() -> None:
    assert Recipe("x", ("ab", "c")).digest != Recipe("x", ("a", "bc")).digest
    assert Recipe("x", ("a",)).digest == Recipe("another description", ("a",)).digest


def test_two_recipes_with_the_same_content_share_the_image(store: Store) -> None:
    content = make_qcow2(store.directory.parent / "same.qcow2").read_bytes()

    def build(workspace: Path) -> Path:
        (workspace / "disk").write_bytes(content)
        return workspace / "disk"

    assert store.build(RECIPE, build, SILENT) == store.build(OTHER, build, SILENT)
    assert len(list((store.directory / "sha256").iterdir())) == 1


def test_a_build_that_fails_leaves_nothing(store: Store) -> None:
    def build(workspace: Path) -> Path:
        (workspace / "half").write_bytes(b"half-made")
        raise LaunchError("mke2fs failed")

    with pytest.raises(LaunchError, match="mke2fs failed"):
        store.build(RECIPE, build, SILENT)
    assert store.find(RECIPE) is None
    assert [path for path in store.directory.rglob("*") if path.suffix != ".lock"] == [
        store.directory / "building"
    ]


def test_what_is_built_has_to_be_an_image(store: Store) -> None:
    def build(workspace: Path) -> Path:
        make_qcow2(workspace / "disk")
        os.truncate(workspace / "disk", 80)
        return workspace / "disk"

    with pytest.raises(HostError, match="not a usable disk image"):
        store.build(RECIPE, build, SILENT)
    assert store.find(RECIPE) is None


def test_an_image_that_has_lost_its_end_is_built_again(store: Store) -> None:
    image = store.build(RECIPE, builder(), SILENT)
    image.path.chmod(0o600)
    os.truncate(image.path, 1000)
    assert store.find(RECIPE) is None
    again = store.build(RECIPE, builder(), SILENT)
    assert again == image
    assert again.path.stat().st_size > 1000


def test_an_image_that_was_written_to_is_built_again(store: Store) -> None:
    image = store.build(RECIPE, builder(), SILENT)
    image.path.chmod(0o600)
    with image.path.open("r+b") as stream:
        stream.seek(100)
        stream.write(b"changed")
    assert store.find(RECIPE) is None
    assert store.build(RECIPE, builder(), SILENT) == image


def test_an_image_whose_date_alone_has_changed_is_good(store: Store) -> None:
    image = store.build(RECIPE, builder(), SILENT)
    os.utime(image.path, (1, 1))
    assert store.find(RECIPE) == image


@pytest.mark.parametrize("text", ["", "{", "[]", '{"digest": "x"}'])
def test_a_damaged_recipe_is_built_again(store: Store, text: str) -> None:
    image = store.build(RECIPE, builder(), SILENT)
    (store.directory / "recipes" / f"{RECIPE.digest}.json").write_text(text)
    assert store.find(RECIPE) is None
    assert store.build(RECIPE, builder(), SILENT) == image


def test_after_kill_9_of_a_builder_the_next_build_starts_from_nothing(
    store: Store, tmp_path: Path
) -> None:
    child = start_builder(store, tmp_path / "log", "hangs", tmp_path / "out")
    workspace = store.directory / "building" / RECIPE.digest
    wait_until("the builder to be at work", (workspace / "half").exists)
    assert store.find(RECIPE) is None
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert (workspace / "half").exists()

    def build(fresh: Path) -> Path:
        assert list(fresh.iterdir()) == []
        return make_qcow2(fresh / "disk")

    image = store.build(RECIPE, build, SILENT)
    assert store.find(RECIPE) == image
    assert not workspace.exists()


def test_prune_removes_what_a_killed_builder_left_and_not_what_a_living_one_makes(
    store: Store, tmp_path: Path
) -> None:
    child = start_builder(store, tmp_path / "log", "hangs", tmp_path / "out")
    workspace = store.directory / "building" / RECIPE.digest
    wait_until("the builder to be at work", (workspace / "half").exists)
    assert store.prune([]) == []
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert store.prune([]) == [workspace]
    assert not workspace.exists()


def test_two_processes_that_want_one_recipe_build_it_once(store: Store, tmp_path: Path) -> None:
    log, go_on = tmp_path / "log", tmp_path / "go-on"
    outputs = [tmp_path / "first", tmp_path / "second"]
    children = [start_builder(store, log, go_on, output) for output in outputs]
    wait_until("one of them to be at work", log.exists)
    # The other one may come as late as it likes: there is one answer for both.
    go_on.touch()
    assert [child.wait(30) for child in children] == [0, 0]
    assert log.read_text() == "builds\n"
    image = store.find(RECIPE)
    assert image is not None
    assert [path.read_text() for path in outputs] == [f"{image.digest}\n"] * 2


def test_who_has_to_wait_says_for_what(store: Store, tmp_path: Path) -> None:
    started, go_on, watcher = threading.Event(), threading.Event(), Watcher()

    def slow(workspace: Path) -> Path:
        started.set()
        assert go_on.wait(20)
        return make_qcow2(workspace / "disk")

    first = threading.Thread(target=store.build, args=(RECIPE, slow, SILENT))
    second = threading.Thread(target=store.build, args=(RECIPE, must_not_build, watcher))
    first.start()
    assert started.wait(20)
    second.start()
    wait_until("the second to wait", lambda: bool(watcher.phases))
    go_on.set()
    first.join(20)
    second.join(20)
    assert watcher.phases == ["waiting for another process to make a tiny disk"]
    assert store.find(RECIPE) is not None


def test_different_recipes_do_not_wait_for_each_other(store: Store) -> None:
    def build(workspace: Path) -> Path:
        store.build(OTHER, builder(2 * MEBIBYTE), SILENT)
        return make_qcow2(workspace / "disk")

    image = store.build(RECIPE, build, SILENT)
    assert store.find(OTHER) not in (None, image)


def test_prune_keeps_the_images_of_machines_and_those_used_lately(store: Store) -> None:
    kept = store.build(RECIPE, builder(), SILENT)
    used = store.build(OTHER, builder(2 * MEBIBYTE), SILENT)
    assert store.prune([kept.path]) == []
    assert store.find(RECIPE) == kept
    assert store.find(OTHER) == used


def test_prune_removes_an_image_that_was_not_used_for_long(store: Store) -> None:
    kept = store.build(RECIPE, builder(), SILENT)
    old = store.build(OTHER, builder(2 * MEBIBYTE), SILENT)
    for path in (store.directory / "recipes").iterdir():
        os.utime(path, (1, 1))
    assert store.prune([kept.path]) == [old.path]
    assert store.find(RECIPE) == kept
    assert store.find(OTHER) is None


def test_using_an_image_makes_it_young_again(store: Store) -> None:
    image = store.build(RECIPE, builder(), SILENT)
    os.utime(store.directory / "recipes" / f"{RECIPE.digest}.json", (1, 1))
    store.find(RECIPE)
    assert store.prune([]) == []
    assert store.find(RECIPE) == image


def test_prune_removes_images_that_no_recipe_names_any_more(store: Store) -> None:
    image = store.build(RECIPE, builder(), SILENT)
    (store.directory / "recipes" / f"{RECIPE.digest}.json").write_text("damaged")
    assert store.prune([]) == [image.path]
    assert list((store.directory / "recipes").iterdir()) == []


def test_prune_keeps_what_a_machine_names_through_a_link(store: Store, tmp_path: Path) -> None:
    image = store.build(RECIPE, builder(), SILENT)
    (tmp_path / "disk.qcow2").symlink_to(image.path)
    (store.directory / "recipes" / f"{RECIPE.digest}.json").unlink()
    assert store.prune([tmp_path / "disk.qcow2"]) == []


def test_a_store_that_was_never_used_has_nothing_to_prune(store: Store) -> None:
    assert store.prune([]) == []
    assert not store.directory.exists()


def test_a_tool_that_fails_on_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    done = run_on_tiny_disk(
        tmp_path / "tiny",
        """
from charly_vm.disk.store import Recipe, Store
from charly_vm.host.process import run
from charly_vm.host.progress import SILENT
def build(workspace):
    run(["dd", "if=/dev/zero", f"of={workspace / 'disk'}", "bs=1M", "count=9"], timeout=20)
try:
    Store(directory).build(Recipe("a tiny disk", ()), build, SILENT)
finally:
    print(sorted(path.name for path in directory.rglob("*") if path.suffix != ".lock"))
""",
    )
    assert done.stderr.startswith("HostError: the disk is full below ")
    assert "dd failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == "['building']\n"
