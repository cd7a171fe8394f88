"""setup/free-subids: the range that an account gets when useradd gave it none."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_ins import CHECKOUT

from charly_vm.host.process import run


@pytest.mark.parametrize(
    ("given", "free"),
    [
        ("", "100000-165535"),
        ("me:100000:65536\n", "165536-231071"),
        ("you:165536:65536\nme:100000:65536\n", "231072-296607"),
        ("low:1000:10\n", "100000-165535"),
    ],
)
def test_the_range_starts_after_all_that_were_given_away(
    tmp_path: Path, given: str, free: str
) -> None:
    file = tmp_path / "subuid"
    file.write_text(given)
    assert run([CHECKOUT / "setup/free-subids", file], timeout=5).stdout == f"{free}\n"
