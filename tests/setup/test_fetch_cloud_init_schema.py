"""The script that takes cloud-init's schemas out of its package."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from stand_ins import CHECKOUT, StandIns

SCHEMA = "schema-cloud-config-v1.json"


class Checkout:
    """A copy of the set-up, with an apt-get and a dpkg-deb that fetch and unpack nothing real."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        shutil.copytree(CHECKOUT / "setup", directory / "setup")
        self.schemas = directory / ".venv/share/cloud-init/schemas"
        self.stand_ins = StandIns(directory / "stand-ins")
        self.stand_ins.add("apt-cache", 'exit "$SPLIT"')
        self.stand_ins.add("id", "echo 0")
        self.stand_ins.add(
            "apt-get",
            f"""case "$*" in
              *update*) touch {directory}/updated ;;
              *) [[ -z ${{STALE-}} || -e {directory}/updated ]] && touch cloud-init_1_all.deb ;;
            esac""",
        )
        inside = "usr/lib/python3/dist-packages/cloudinit/config/schemas"
        self.stand_ins.add(
            "dpkg-deb", f'mkdir -p "$3/{inside}"; echo "{{}}" >"$3/{inside}/{SCHEMA}"'
        )

    def fetch(self, *, stale: str = "", split: bool = False) -> tuple[int, str]:
        script = self.directory / "setup/fetch-cloud-init-schema"
        done = self.stand_ins.run(script, STALE=stale, SPLIT="0" if split else "1")
        return done.status, done.stdout + done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_schemas_come_out_of_the_package_and_nothing_is_installed(checkout: Checkout) -> None:
    status, said = checkout.fetch()
    assert (status, said) == (0, "setup: fetched cloud-init's schemas\n")
    assert (checkout.schemas / SCHEMA).is_file()
    assert not any("install" in call for call in checkout.stand_ins.calls)


def test_the_second_run_only_looks(checkout: Checkout) -> None:
    checkout.fetch()
    before = len(checkout.stand_ins.calls)
    assert checkout.fetch() == (0, "")
    assert len(checkout.stand_ins.calls) == before


def test_stale_lists_are_refreshed_once(checkout: Checkout) -> None:
    status, _ = checkout.fetch(stale="yes")
    assert status == 0
    assert (checkout.schemas / SCHEMA).is_file()
    assert sum("update" in call for call in checkout.stand_ins.calls) == 1


def test_a_package_of_the_program_alone_is_fetched_where_there_is_one(checkout: Checkout) -> None:
    checkout.fetch(split=True)
    assert any(call.endswith("cloud-init cloud-init-base") for call in checkout.stand_ins.calls)


def test_a_host_without_apt_goes_on_without(checkout: Checkout) -> None:
    (checkout.stand_ins.programs / "apt-get").unlink()
    script = checkout.directory / "setup/fetch-cloud-init-schema"
    (checkout.stand_ins.programs / "flock").symlink_to("/usr/bin/true")
    done = checkout.stand_ins.run(script, alone=True)
    assert done.status == 0
    assert "charly's own rules alone" in done.stderr
    assert not checkout.schemas.exists()
