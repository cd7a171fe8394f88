"""A guest of another architecture than the host's: Debian's kernel for it, emulated."""

from __future__ import annotations

import platform
from collections.abc import Iterator

import pytest
from platformdirs import user_cache_path
from tiny_guest import build_tiny_image
from workspace import Workspace, workspace

pytestmark = pytest.mark.live

FOREIGN = "aarch64" if platform.machine() != "aarch64" else "x86_64"
SAYS_HELLO = {"aarch64": "Booting Linux on physical CPU", "x86_64": "Linux version"}


@pytest.fixture(params=["qemu", pytest.param("libvirt", marks=pytest.mark.session)])
def there(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    image = build_tiny_image(user_cache_path("charly-tests"), FOREIGN)
    with workspace(image, request.param) as made:
        text = made.project.read_text()
        made.project.write_text(
            text.replace("    ram: 256M\n", f"    arch: {FOREIGN}\n    ram: 384M\n")
        )
        yield made


def test_a_guest_of_another_architecture_boots_answers_and_shuts_down(there: Workspace) -> None:
    created = there.charly("vm", "create", "tiny", "--wait")
    assert created.status == 0, created.stderr
    assert "tcg (ran guest code in" in created.stderr
    asked = there.charly("vm", "ssh", "tiny", "--", "uname -m; hostname")
    assert asked.stdout.split() == [FOREIGN, "charly-tiny"]
    assert "the guest shut down" in there.charly("vm", "stop", "tiny").stdout
    # On the serial port that its board has.
    console = (there.machines / "charly-tiny" / "console.log").read_text(errors="replace")
    assert SAYS_HELLO[FOREIGN] in console
    assert "tiny guest: ready as charly-tiny" in console
