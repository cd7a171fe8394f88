"""pytest for virtual machines: a test module declares a bed, and its tests run in and against it.

    from pytest_charly import Bed

    bed = Bed("check-debian-vm")

    def test_ssh_runs(guest):
        assert guest.run("id -un").stdout == "charly\\n"

Run it with `pytest --charly-bed check-debian-vm`.
"""

from __future__ import annotations

from pytest_charly.declaration import Bed

__all__ = ["Bed"]
