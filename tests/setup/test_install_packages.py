"""setup/packages.txt and the script that installs what is missing of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_ins import CHECKOUT, StandIns

INSTALL_PACKAGES = CHECKOUT / "setup/install-packages"


def rows() -> list[list[str]]:
    lines = (CHECKOUT / "setup/packages.txt").read_text().splitlines()
    return [line.split() for line in lines if line.strip() and not line.startswith("#")]


def debian(directory: Path, *, missing: str, user: int) -> StandIns:
    """A Debian that has everything but `missing`, until apt-get is asked for it."""
    machine = StandIns(directory)
    machine.add("id", f"echo {user}")
    machine.add(
        "dpkg-query",
        f"""for name in "${{@:4}}"; do
          case " {missing} " in *" $name "*) [[ -e {directory}/installed ]] || continue ;; esac
          echo "installed $name"
        done""",
    )
    machine.add("apt-get", f'[[ "$*" != *install* ]] || touch {directory}/installed')
    return machine


def test_every_package_has_a_name_for_each_of_three_managers() -> None:
    assert rows()
    assert [row for row in rows() if len(row) != 3] == []


def test_no_package_is_listed_twice_for_debian() -> None:
    names = [row[0] for row in rows()]
    assert sorted(set(names)) == sorted(names)


def test_nothing_is_run_when_nothing_is_missing(tmp_path: Path) -> None:
    machine = debian(tmp_path, missing="", user=1000)
    done = machine.run(INSTALL_PACKAGES, alone=True, PACKAGE_MANAGER="apt")
    assert (done.status, done.stdout, done.stderr) == (0, "", "")
    assert [call.split()[0] for call in machine.calls] == ["dpkg-query"]


def test_without_root_and_sudo_the_missing_packages_and_one_command_are_named(
    tmp_path: Path,
) -> None:
    machine = debian(tmp_path, missing="mtools passt", user=1000)
    done = machine.run(INSTALL_PACKAGES, alone=True, PACKAGE_MANAGER="apt")
    assert done.status == 1
    first, _, command = done.stderr.splitlines()
    assert first.endswith("needs root or sudo: mtools passt")
    assert command.endswith(" mtools passt")
    assert "apt-get install" in command
    assert not any(call.startswith("apt-get") for call in machine.calls)


def test_a_sudo_that_would_ask_for_a_password_is_not_used_without_a_terminal(
    tmp_path: Path,
) -> None:
    machine = debian(tmp_path, missing="passt", user=1000)
    machine.add("sudo", "exit 1")
    done = machine.run(INSTALL_PACKAGES, alone=True, PACKAGE_MANAGER="apt")
    assert done.status == 1
    assert "needs root or sudo: passt" in done.stderr
    assert [call for call in machine.calls if call.startswith("sudo")] == [
        "sudo --non-interactive true"
    ]


@pytest.mark.parametrize("user", [0, 1000])
def test_only_the_missing_packages_are_installed(tmp_path: Path, user: int) -> None:
    machine = debian(tmp_path, missing="mtools passt", user=user)
    machine.add("sudo", '[[ $1 == --non-interactive ]] || "$@"')
    done = machine.run(INSTALL_PACKAGES, alone=True, PACKAGE_MANAGER="apt")
    assert done.status == 0, done.stderr
    update, install = [call for call in machine.calls if call.startswith("apt-get")]
    assert update.startswith("apt-get update")
    assert "--no-install-recommends" in install
    assert install.endswith(" mtools passt")
    assert any(call.startswith("sudo env") for call in machine.calls) == (user != 0)


@pytest.mark.parametrize(("release", "wanted"), [("12", False), ("13", True), ("24.04", True)])
def test_a_package_of_a_later_release_is_not_looked_for_before_it(
    tmp_path: Path, release: str, wanted: bool
) -> None:
    machine = debian(tmp_path, missing="", user=0)
    done = machine.run(INSTALL_PACKAGES, alone=True, PACKAGE_MANAGER="apt", RELEASE=release)
    assert done.status == 0
    [asked] = machine.calls
    assert (" virtiofsd" in asked) == wanted
    assert "13:" not in asked


def test_a_broken_package_source_does_not_stop_the_installation(tmp_path: Path) -> None:
    machine = debian(tmp_path, missing="passt", user=0)
    machine.add("apt-get", f"[[ $1 == update ]] && exit 100; touch {tmp_path}/installed")
    done = machine.run(INSTALL_PACKAGES, alone=True, PACKAGE_MANAGER="apt")
    assert done.status == 0, done.stderr
    assert "going on with the package lists that there are" in done.stderr


def test_an_installation_that_failed_is_an_error(tmp_path: Path) -> None:
    machine = debian(tmp_path, missing="passt", user=0)
    machine.add("apt-get", "[[ $1 == update ]] || exit 100")
    done = machine.run(INSTALL_PACKAGES, alone=True, PACKAGE_MANAGER="apt")
    assert done.status == 1
    assert "that failed: apt-get install" in done.stderr


def test_fedora_is_asked_by_capability_and_gets_no_weak_dependencies(tmp_path: Path) -> None:
    machine = StandIns(tmp_path)
    machine.add("id", "echo 0")
    machine.add(
        "rpm", f"[[ -e {tmp_path}/installed ]] || echo 'no package provides qemu-img'; exit 1"
    )
    machine.add("dnf", f"touch {tmp_path}/installed")
    done = machine.run(INSTALL_PACKAGES, alone=True, PACKAGE_MANAGER="dnf")
    assert done.status == 0, done.stderr
    assert "dnf install --assumeyes --setopt=install_weak_deps=False qemu-img" in machine.calls


def test_arch_installs_what_its_repositories_have(tmp_path: Path) -> None:
    machine = StandIns(tmp_path)
    machine.add("id", "echo 0")
    machine.add(
        "pacman",
        f"""case $1 in
          --deptest) [[ -e {tmp_path}/installed ]] || {{ echo mtools; exit 127; }} ;;
          --sync) touch {tmp_path}/installed ;;
        esac""",
    )
    done = machine.run(INSTALL_PACKAGES, alone=True, PACKAGE_MANAGER="pacman")
    assert done.status == 0, done.stderr
    assert "pacman --sync --needed --noconfirm mtools" in machine.calls


def test_what_only_the_aur_has_is_left_to_the_user(tmp_path: Path) -> None:
    machine = StandIns(tmp_path)
    machine.add("pacman", "echo mmdebstrap; exit 127")
    done = machine.run(INSTALL_PACKAGES, alone=True, PACKAGE_MANAGER="pacman")
    assert done.status == 1
    assert "AUR" in done.stderr
    assert done.stderr.rstrip().endswith(": mmdebstrap")
