"""Verbs that change a guest. The guest is a stand-in: a directory of this very host."""

from __future__ import annotations

import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from step_stand_in import Answers, Result, carry_out, explain

from charly_vm.check.result import StepNotRun
from charly_vm.errors import HostError


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_a_directory_is_made_with_its_parents(tmp_path: Path) -> None:
    made = tmp_path / "a b" / "c"
    assert explain(tmp_path, f"run: x, mkdir: '{made}', mode: '0750'") == ""
    assert mode_of(made) == 0o750
    assert explain(tmp_path, f"run: x, mkdir: '{made}'") == ""
    (tmp_path / "file").touch()
    assert "expected made" in explain(tmp_path, f"run: x, mkdir: {tmp_path}/file/below")


def test_a_file_is_written_byte_by_byte(tmp_path: Path) -> None:
    path = tmp_path / "new" / "it's"
    written = f"""run: x, write: "{path}", content: "$HOME `x`\\n\\n", mode: '0600'"""
    assert explain(tmp_path, written) == ""
    assert path.read_text() == "$HOME `x`\n\n"
    assert mode_of(path) == 0o600


def test_a_file_beside_the_project_is_copied(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a").write_text("content")
    assert explain(tmp_path, f"run: x, copy: files/a, to: {tmp_path}/to/a, mode: '0755'") == ""
    assert (tmp_path / "to" / "a").read_text() == "content"
    assert mode_of(tmp_path / "to" / "a") == 0o755
    with pytest.raises(HostError, match="cannot read"):
        carry_out(tmp_path, f"run: x, copy: files/b, to: {tmp_path}/to/b")
    with pytest.raises(StepNotRun, match="is a directory"):
        carry_out(tmp_path, f"run: x, copy: files, to: {tmp_path}/to/b")


def test_a_link_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    link = tmp_path / "link"
    for target in ("one", "two"):
        assert explain(tmp_path, f"run: x, link: {link}, to: {target}") == ""
        assert str(link.readlink()) == target
    assert list((tmp_path / "one").iterdir()) == []


def test_capabilities_are_set_and_taken_away(tmp_path: Path) -> None:
    shell = Answers("")
    assert explain(tmp_path, "run: x, setcap: /bin/x, caps: cap_net_raw+ep", shell) == ""
    assert shell.asked[-1].endswith("setcap cap_net_raw+ep /bin/x")
    assert explain(tmp_path, "run: x, setcap: /bin/x", shell) == ""
    assert shell.asked[-1].endswith("setcap -r /bin/x")
    refused = Answers({"": Result(1, b"", b"not permitted\n")})
    assert "found not permitted" in explain(tmp_path, "run: x, setcap: /bin/x", refused)


def test_a_change_may_be_somebody_elses(tmp_path: Path) -> None:
    shell = Answers({"id -un;": "me\n/home/me", "sudo": ""})
    assert explain(tmp_path, "run: x, mkdir: /x, run_as: root", shell) == ""
    assert shell.asked[-1] == "sudo -n -H -u root -- sh -c 'mkdir -p -- /x'"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def _member() -> tuple[tarfile.TarInfo, io.BytesIO]:
    member = tarfile.TarInfo("top/inner/file")
    member.size = 4
    return member, io.BytesIO(b"data")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An archive of each kind with `top/inner/file`, a file, and a script."""
    directory = tmp_path_factory.mktemp("site")
    with tarfile.open(directory / "a.tar.gz", "w:gz") as archive:
        archive.addfile(*_member())
    with tarfile.open(directory / "a.tar.xz", "w:xz") as archive:
        archive.addfile(*_member())
    with zipfile.ZipFile(directory / "a.zip", "w") as zipped:
        zipped.writestr("top/inner/file", "data")
    (directory / "plain").write_text("data")
    (directory / "script").write_text("touch ran\n")
    handler = partial(Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_file_is_downloaded_whole_or_not_at_all(tmp_path: Path, site: str) -> None:
    to = tmp_path / "to"
    assert explain(tmp_path, f"run: x, download: '{site}/plain', to: {to}, mode: '0711'") == ""
    assert to.read_text() == "data"
    assert mode_of(to) == 0o711
    absent = tmp_path / "absent"
    assert "404" in explain(tmp_path, f"run: x, download: '{site}/none', to: {absent}")
    assert not absent.exists()
    with pytest.raises(StepNotRun, match="wants `to:`"):
        carry_out(tmp_path, f"run: x, download: '{site}/plain'")


@pytest.mark.parametrize("kind", ["tar.gz", "tar.xz", "zip"])
@pytest.mark.parametrize(("strip", "found"), [(0, "top/inner/file"), (1, "inner/file")])
def test_an_archive_is_unpacked(
    tmp_path: Path, site: str, kind: str, strip: int, found: str
) -> None:
    to = tmp_path / "to"
    written = f"run: x, download: '{site}/a.{kind}', to: {to}, extract: {kind}"
    assert explain(tmp_path, f"{written}, strip_components: {strip}") == ""
    assert (to / found).read_text() == "data"


def test_a_script_is_run(tmp_path: Path, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert explain(tmp_path, f"run: x, download: '{site}/script', extract: sh") == ""
    assert (tmp_path / "ran").exists()
