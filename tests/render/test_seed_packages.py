from __future__ import annotations

from pathlib import Path

import pytest

from charly_vm.host.process import Completed, require_tool, run
from charly_vm.model.distribution import ARCH, DEBIAN, FEDORA, SUSE, Family
from charly_vm.render.seed_packages import ENABLE_SSHD, PROGRAMS, plan_installation


class Guest:
    """A directory of programs in which a seed's commands run; each call is logged."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory / "log"
        self.log.touch()

    def add(self, name: str, script: str = "") -> None:
        program = self.directory / name
        shell = require_tool("sh", package="dash")
        program.write_text(f'#!{shell}\necho "{name} $*" >>{self.log}\n{script}\n')
        program.chmod(0o755)

    def run(self, command: str) -> Completed:
        shell = require_tool("sh", package="dash")
        return run(
            [shell, "-c", command], timeout=10, check=False, env={"PATH": str(self.directory)}
        )

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    return Guest(tmp_path)


def test_what_our_own_image_has_is_left_out() -> None:
    plan = plan_installation(["curl", "nano"], ["curl", "openssh-server"], DEBIAN)
    assert (plan.packages, plan.commands) == (["nano"], [])
    assert plan_installation(["curl"], ["curl"], DEBIAN).packages == []


def test_what_charly_needs_joins_the_packages_that_are_fetched_anyway() -> None:
    plan = plan_installation(["nano", "tar"], None, ARCH)
    assert (plan.packages, plan.commands) == (["nano", "tar", "openssh", "curl"], [])


@pytest.mark.parametrize("family", [DEBIAN, FEDORA, ARCH, SUSE], ids=lambda one: one.name)
def test_a_foreign_image_that_has_everything_installs_nothing(family: Family, guest: Guest) -> None:
    plan = plan_installation([], None, family)
    for name in (*PROGRAMS, "apt-get", "dnf", "pacman", "zypper"):
        guest.add(name)
    [command] = plan.commands
    assert (plan.packages, guest.run(command).status, guest.calls) == ([], 0, [])


@pytest.mark.parametrize(
    ("family", "wanted"),
    [
        (DEBIAN, ["apt-get update --quiet", "apt-get install --quiet --yes openssh-server"]),
        (FEDORA, ["dnf install --assumeyes openssh-server /usr/bin/curl tar"]),
        (ARCH, ["pacman --sync --refresh --needed --noconfirm openssh curl tar"]),
        (SUSE, ["zypper --non-interactive install openssh curl tar"]),
    ],
    ids=["debian", "fedora", "arch", "suse"],
)
def test_a_foreign_image_without_curl_gets_what_is_missing_by_its_own_names(
    family: Family, wanted: list[str], guest: Guest
) -> None:
    for name in ("sshd", "tar", "apt-get", "dnf", "pacman", "zypper"):
        guest.add(name)
    [command] = plan_installation([], None, family).commands
    assert guest.run(command).status == 0
    assert len(guest.calls) == len(wanted)
    assert all(call.startswith(start) for call, start in zip(guest.calls, wanted, strict=True))


def test_of_an_unknown_distribution_only_the_authors_packages_can_be_named() -> None:
    plan = plan_installation(["nano"], None, None)
    assert (plan.packages, plan.commands) == (["nano"], [])


@pytest.mark.parametrize("enabled", ["ssh", "sshd", "ssh.socket", "sshd.socket"])
def test_a_server_that_is_enabled_under_any_name_is_left_alone(enabled: str, guest: Guest) -> None:
    guest.add("systemctl", f'[ "$1" = is-enabled ] && [ "$3" = {enabled} ]')
    assert guest.run(ENABLE_SSHD).status == 0
    assert not any(" enable " in call for call in guest.calls)


@pytest.mark.parametrize("name", ["ssh", "sshd"])
def test_a_server_that_is_not_enabled_is_enabled_under_its_name(name: str, guest: Guest) -> None:
    guest.add("systemctl", f'[ "$1" = enable ] && [ "$3" = {name} ]')
    assert guest.run(ENABLE_SSHD).status == 0
    assert guest.calls[-1] == f"systemctl enable --now {name}"
