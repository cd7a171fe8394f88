"""Fetching from a real server on 127.0.0.1 that misbehaves in the usual ways."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from image_server import ImageServer
from tiny_disk import run_on_tiny_disk
from watcher import Watcher

from charly_vm.disk import fetch
from charly_vm.disk.fetch import CHUNK, fetch_file, fetch_text
from charly_vm.errors import HostError

CONTENT = os.urandom(1_000_000)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(fetch, "RETRY_SECONDS", 0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_file_comes_whole_with_its_progress(
    server: ImageServer, out: Path, watcher: Watcher
) -> None:
    server.files["/a/disk.qcow2"] = CONTENT
    fetch_file(f"{server.url}/a/disk.qcow2", out, watcher)
    assert out.read_bytes() == CONTENT
    [(text, total, done)] = watcher.transfers
    assert (text, total) == ("fetching disk.qcow2", len(CONTENT))
    assert done == sorted(done)
    assert done[-1] == len(CONTENT)


def test_an_empty_file_is_a_file(server: ImageServer, out: Path, watcher: Watcher) -> None:
    server.files["/disk"] = b""
    fetch_file(f"{server.url}/disk", out, watcher)
    assert out.read_bytes() == b""


def test_a_transfer_that_is_cut_off_goes_on_where_it_was(
    server: ImageServer, out: Path, watcher: Watcher
) -> None:
    server.files["/disk"] = CONTENT
    server.cut_off_after = [4 * CHUNK, 3 * CHUNK + 1]
    fetch_file(f"{server.url}/disk", out, watcher)
    assert out.read_bytes() == CONTENT
    assert [wanted for _, wanted in server.asked] == ["", "bytes=262144-", "bytes=458752-"]
    assert watcher.notes[0] == "disk was cut off; going on at 262144 bytes"
    assert {total for _, total, _ in watcher.transfers} == {len(CONTENT)}


def test_a_server_without_ranges_is_asked_for_everything_again(
    server: ImageServer, out: Path, watcher: Watcher
) -> None:
    server.files["/disk"] = CONTENT
    server.ranges = False
    server.cut_off_after = [300_000]
    fetch_file(f"{server.url}/disk", out, watcher)
    assert out.read_bytes() == CONTENT


def test_a_file_that_changes_in_between_is_fetched_from_its_beginning(
    server: ImageServer, out: Path
) -> None:
    new = os.urandom(len(CONTENT))

    class Changes(Watcher):
        def note(self, text: str) -> None:
            server.files["/disk"] = new

    server.files["/disk"] = CONTENT
    server.cut_off_after = [300_000]
    fetch_file(f"{server.url}/disk", out, Changes())
    assert out.read_bytes() == new


@pytest.mark.usefixtures("impatient")
def test_a_server_that_brings_nothing_more_is_given_up_in_the_end(
    server: ImageServer, out: Path, watcher: Watcher
) -> None:
    server.files["/disk"] = CONTENT
    server.cut_off_after = [CHUNK] + [0] * 1000
    with pytest.raises(
        HostError, match=r"/disk: the transfer was cut off at 65536 bytes"
    ) as raised:
        fetch_file(f"{server.url}/disk", out, watcher)
    assert "for 0 s nothing more came" in raised.value.message
    assert server.asked_for("/disk") > 2


def test_a_server_that_comes_back_is_waited_for(
    server: ImageServer, out: Path, watcher: Watcher
) -> None:
    server.files["/disk"] = CONTENT
    server.cut_off_after = [0, 0]
    fetch_file(f"{server.url}/disk", out, watcher)
    assert out.read_bytes() == CONTENT


def test_what_is_not_there_is_one_clear_error(
    server: ImageServer, out: Path, watcher: Watcher
) -> None:
    with pytest.raises(HostError, match=r"/gone: the server says 404 Not Found") as raised:
        fetch_file(f"{server.url}/gone", out, watcher)
    assert raised.value.hint == "check the `url:` of the source"
    assert not out.exists()


def test_a_server_in_trouble_is_one_clear_error(
    server: ImageServer, out: Path, watcher: Watcher
) -> None:
    server.status["/disk"] = 503
    with pytest.raises(HostError, match="the server says 503"):
        fetch_file(f"{server.url}/disk", out, watcher)


def test_nobody_at_the_port_is_one_clear_error(out: Path, watcher: Watcher) -> None:
    port = free_port()
    with pytest.raises(HostError, match=rf"nothing listens at 127.0.0.1:{port}$"):
        fetch_file(f"http://127.0.0.1:{port}/disk", out, watcher)


def test_a_name_that_does_not_resolve_is_one_clear_error(out: Path, watcher: Watcher) -> None:
    with pytest.raises(HostError, match=r"the name nowhere.invalid is not known"):
        fetch_file("http://nowhere.invalid/disk", out, watcher)


def test_a_server_without_tls_is_one_clear_error(
    server: ImageServer, out: Path, watcher: Watcher
) -> None:
    url = server.url.replace("http:", "https:")
    with pytest.raises(HostError, match="does not speak TLS as it should"):
        fetch_file(f"{url}/disk", out, watcher)


def test_a_file_url_is_copied_with_its_progress(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "with space.qcow2"
    source.write_bytes(CONTENT)
    watcher = Watcher()
    fetch_file(source.as_uri(), out, watcher)
    assert out.read_bytes() == CONTENT
    assert watcher.transfers[0][:2] == ("copying with space.qcow2", len(CONTENT))


def test_a_file_url_of_nothing_is_one_clear_error(out: Path, watcher: Watcher) -> None:
    with pytest.raises(HostError, match=r"cannot read /nowhere/disk: No such file"):
        fetch_file("file:///nowhere/disk", out, watcher)


def test_a_file_url_with_two_slashes_is_explained(out: Path, watcher: Watcher) -> None:
    with pytest.raises(HostError, match=r"file://srv/disk names a host") as raised:
        fetch_file("file://srv/disk", out, watcher)
    assert "third slash" in raised.value.hint


def test_a_full_disk_is_one_clear_error_and_not_the_networks_fault(
    server: ImageServer, tmp_path: Path
) -> None:
    server.files["/disk"] = os.urandom(3_000_000)
    (tmp_path / "tiny").mkdir()
    done = run_on_tiny_disk(
        tmp_path / "tiny",
        f"""
from charly_vm.disk.fetch import fetch_file
from charly_vm.host.progress import SILENT
fetch_file("{server.url}/disk", directory / "out", SILENT)
""",
        size=1024**2,
    )
    assert done.stderr.startswith(
        f"HostError: cannot write {tmp_path / 'tiny' / 'out'}: No space left on device"
    )
    assert server.asked_for("/disk") == 1


def test_a_text_is_read_and_its_absence_is_no_error(server: ImageServer, tmp_path: Path) -> None:
    server.files["/sums"] = "ä\n".encode()
    assert fetch_text(f"{server.url}/sums") == "ä\n"
    assert fetch_text(f"{server.url}/gone") is None
    (tmp_path / "sums").write_text("b\n")
    assert fetch_text((tmp_path / "sums").as_uri()) == "b\n"
    assert fetch_text((tmp_path / "gone").as_uri()) is None


def test_a_text_that_is_cut_off_is_an_error_and_not_half_a_text(server: ImageServer) -> None:
    server.files["/sums"] = b"x" * 1000
    server.cut_off_after = [10]
    with pytest.raises(HostError, match="the connection was cut off"):
        fetch_text(f"{server.url}/sums")


def test_a_text_of_many_megabytes_is_none(server: ImageServer) -> None:
    server.files["/sums"] = bytes(fetch.LARGEST_TEXT + 1)
    assert fetch_text(f"{server.url}/sums") is None
