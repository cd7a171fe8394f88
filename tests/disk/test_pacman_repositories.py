"""Which pacman.conf is read, on which host, and what of it is for whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from charly_vm.disk.distros import pacman_repositories
from charly_vm.disk.distros.choice import locate_packages, require_recipe
from charly_vm.disk.distros.pacman_conf import PacmanConf
from charly_vm.disk.distros.pacman_repositories import require_pacman_conf
from charly_vm.disk.distros.repositories import repositories_directory
from charly_vm.errors import HostError
from charly_vm.model.source import Bootstrap


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's configuration directory, empty."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def host(directory: Path, id: str, conf: str = "# the host's\n") -> Path:
    etc = directory / "host" / "etc"
    etc.mkdir(parents=True)
    (etc / "os-release").write_text(f'NAME="A Linux"\nID={id}\n')
    (etc / "pacman.conf").write_text(conf)
    return directory / "host"


def write(distribution: str, text: str) -> None:
    directory = repositories_directory(distribution)
    directory.mkdir(parents=True)
    (directory / "pacman.conf").write_text(text)


def test_a_host_of_the_distribution_has_its_own(tmp_path: Path) -> None:
    write("arch", "# the user's\n")
    assert require_pacman_conf("arch", "Arch Linux", host=host(tmp_path, "arch")) == PacmanConf(
        "# the host's\n"
    )


def test_on_any_other_host_the_users_is_read(tmp_path: Path) -> None:
    write("cachyos", "# the user's\n")
    # Debian's package of pacman brings one that knows no repositories.
    assert require_pacman_conf("cachyos", "CachyOS", host=host(tmp_path, "arch")) == PacmanConf(
        "# the user's\n"
    )


def test_where_there_is_none_the_error_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="this host is not Arch Linux") as raised:
        require_pacman_conf("arch", "Arch Linux", host=host(tmp_path, "debian"))
    path = tmp_path / "config" / "charly" / "bootstrap" / "arch" / "pacman.conf"
    assert raised.value.hint.startswith(f"write {path}: a pacman.conf(5) with")


def test_a_recipe_that_is_to_be_used_has_the_repositories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacman_repositories, "read_os_release", lambda host: {"ID": "debian"})
    write("cachyos", "[options]\n# the user's\n")
    source = Bootstrap(kind="bootstrap", builder="pacstrap", distro="cachyos")
    recipe = locate_packages(require_recipe(source, "x86_64"))
    assert recipe.files["etc/pacman.conf"] == "[options]\n# the user's\n"
    assert any("[options]" in one for one in recipe.ingredients)


def test_what_a_configuration_includes_is_part_of_it(tmp_path: Path) -> None:
    text = "[core]\n  Include = /lists/*.list \n#Include = /etc/hostname\n"
    root = host(tmp_path, "arch", text)
    (root / "lists").mkdir()
    included = {
        "/lists/one.list": "Include=/nested\n",
        "/lists/two.list": "# two\n",
        # It includes itself, and what is not there.
        "/nested": "Include = /nested\nInclude = /absent\n",
    }
    for path, written in included.items():
        (root / path.lstrip("/")).write_text(written)
    conf = require_pacman_conf("arch", "Arch Linux", host=root)
    assert conf.included == included
    assert conf.for_guest == {"etc/pacman.conf": "[core]\n# two\n#Include = /etc/hostname\n"}


def test_lists_of_servers_stay_files_of_the_guest() -> None:
    text = "[core]\nInclude = /etc/pacman.d/mirrorlist\n[mine]\nInclude = /home/me/*.list\n"
    listed = "Include = /home/me/b.list\n"
    included = {
        "/etc/pacman.d/mirrorlist": listed,
        "/home/me/b.list": "Server = file:///b\n",
        "/home/me/a.list": "Server = file:///a",
        "/home/me/deeper/c.list": "Server = file:///c\n",
    }
    assert PacmanConf(text, included).for_guest == {
        "etc/pacman.conf": "[core]\nInclude = /etc/pacman.d/mirrorlist\n[mine]\n"
        "Server = file:///a\nServer = file:///b\n",
        "etc/pacman.d/mirrorlist": "Server = file:///b\n",
    }


def test_neither_the_builder_nor_the_guest_gets_places_of_the_host() -> None:
    places = "RootDir = /\nDBPath=/x\n CacheDir = /x\nLogFile = /x\nHookDir = /x\n"
    kept = "[options]\nSigLevel = Required\n#DBPath = /x\n"
    conf = PacmanConf(f"{kept}{places}GPGDir = /keys\nDownloadUser = alpm\n")
    assert conf.for_builder == f"{kept}GPGDir = /keys\n"
    assert conf.for_guest == {"etc/pacman.conf": f"{kept}DownloadUser = alpm\n"}


def test_a_new_ranking_of_servers_makes_no_other_disk() -> None:
    text = "[core]\nInclude = /etc/pacman.d/mirrorlist\n[extra]\n"
    lists = {
        "/etc/pacman.d/mirrorlist": "# ranked today\nServer = a\nServer = b\n",
    }
    one = PacmanConf(text, lists)
    other = PacmanConf(text, {"/etc/pacman.d/mirrorlist": "# tomorrow\nServer = b\nServer = a\n"})
    assert one.essence == other.essence
    assert one.for_guest != other.for_guest
    # Which repository comes first decides between two packages of one name.
    swapped = PacmanConf("[extra]\n[core]\nInclude = /etc/pacman.d/mirrorlist\n", lists)
    assert swapped.essence != one.essence
