from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from charly_vm.host.process import Completed, require_tool, run
from charly_vm.model.cloud_init import CharlyInstall
from charly_vm.render.seed_install import TARGET, render_install

PROGRAM = b"#!/bin/sh\necho charly\n"
SHA256 = hashlib.sha256(PROGRAM).hexdigest()
SHA512 = hashlib.sha512(PROGRAM).hexdigest()


def commands(*, copied_digest: str = "", **wish: Any) -> list[str]:
    return render_install(CharlyInstall.model_validate(wish), copied_digest=copied_digest)


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"strategy": "auto"},
        {"strategy": "none", "url": "http://127.0.0.1/charly"},
        {"strategy": "skip", "url": "http://127.0.0.1/charly"},
        {"strategy": "scp"},
    ],
    ids=str,
)
def test_nothing_is_installed_unless_somebody_asks_for_it(wish: dict[str, str]) -> None:
    assert commands(**wish) == []


CURL = """\
#!/bin/sh
# Stands in for the guest's: what it "fetches" lies beside it.
while [ $# -gt 2 ]; do shift; [ "$1" != --output ] || output=$2; done
cp "$(dirname "$0")/served" "$output"
"""


def install(directory: Path, command: str) -> Completed:
    """Run the command with a target below `directory` instead of the guest's."""
    curl = directory / "curl"
    curl.write_text(CURL)
    curl.chmod(0o755)
    shell = require_tool("sh", package="dash")
    here = command.replace(TARGET, str(directory / "charly"))
    path = f"{directory}:{os.environ['PATH']}"
    return run([shell, "-c", here], timeout=20, check=False, env={"PATH": path})


@pytest.mark.parametrize("checksum", [None, SHA256, f"sha256:{SHA256.upper()}", f"sha512:{SHA512}"])
def test_what_is_fetched_becomes_a_program(tmp_path: Path, checksum: str | None) -> None:
    (tmp_path / "served").write_bytes(PROGRAM)
    [command] = commands(url="http://127.0.0.1/charly", checksum=checksum)
    done = install(tmp_path, command)
    assert (done.status, done.stderr) == (0, "")
    assert run([tmp_path / "charly"], timeout=5).stdout == "charly\n"
    assert not (tmp_path / "charly.new").exists()


@pytest.mark.parametrize("trouble", ["another checksum", "nothing there"])
def test_what_cannot_be_installed_ends_the_script_with_a_reason(
    tmp_path: Path, trouble: str
) -> None:
    if trouble == "another checksum":
        (tmp_path / "served").write_bytes(PROGRAM + b"#")
    [command] = commands(url="http://127.0.0.1/charly", checksum=SHA256)
    done = install(tmp_path, f"{command}\necho went on")
    assert (done.status, done.stdout.count("went on")) == (1, 0)
    assert "charly_install has failed" in done.stderr
    assert not (tmp_path / "charly").exists()


def test_a_url_is_one_word_for_the_shell() -> None:
    [command] = commands(url="http://127.0.0.1/charly?a=$(reboot)&b=1;c")
    assert "'http://127.0.0.1/charly?a=$(reboot)&b=1;c'" in command


def test_what_was_copied_is_taken_from_the_seed_and_checked() -> None:
    [command] = commands(strategy="scp", url="file:///opt/charly", copied_digest=SHA256)
    assert "LABEL=cidata" in command
    assert SHA256 in command
    assert "curl" not in command
