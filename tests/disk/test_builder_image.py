"""What of an image's files counts; tests/live has a real image, and what it builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from charly_vm.disk.builder_image import Builder
from charly_vm.disk.distros.choice import find_recipe, list_written, locate_packages
from charly_vm.disk.distros.fedora import Fedora
from charly_vm.disk.distros.repositories import repositories_directory
from charly_vm.errors import HostError
from charly_vm.model.source import Bootstrap


@pytest.fixture(autouse=True)
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    """A Fedora with dnf; the user has written nothing."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    root = tmp_path / "work/builder"
    for name, text in {
        "etc/os-release": "ID=fedora\nVERSION_ID=43\n",
        "etc/yum.repos.d/fedora.repo": "[fedora]\n",
        "usr/bin/dnf5": "",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    # As it is in an image that is not looked at from inside.
    (root / "usr/bin/dnf").symlink_to("/usr/bin/dnf5")
    return Builder("r.example/fedora:43", root, root.parent)


def fedora(distro: str = "fedora-43") -> Fedora:
    source = Bootstrap(kind="bootstrap", builder="dnf", distro=distro)
    recipe = find_recipe(source, "x86_64")
    assert isinstance(recipe, Fedora)
    return recipe


def test_its_commands_see_the_workspace_and_what_is_shown(builder: Builder, tmp_path: Path) -> None:
    shown, absent = tmp_path / "shown", tmp_path / "absent"
    shown.mkdir()
    words = [str(word) for word in builder.entered(["dnf", "--version"], shown=[shown, absent])]
    places = [str(builder.workspace), str(shown)]
    assert words[3:] == ["sh", str(builder.root), "2", *places, "dnf", "--version"]


def test_what_it_has_not_is_named(builder: Builder) -> None:
    builder.require_programs(["dnf"])
    with pytest.raises(HostError, match=r"r\.example/fedora:43 has no pacman, no pacstrap"):
        builder.require_programs(["dnf", "pacman", "pacstrap"])


def test_its_own_settings_say_where_packages_are(builder: Builder) -> None:
    located = locate_packages(fedora(), host=builder.root, title="the image")
    assert isinstance(located, Fedora)
    # As its dnf sees them.
    assert located.repositories.directory == Path("/etc/yum.repos.d")
    assert located.repositories.texts == {"etc/yum.repos.d/fedora.repo": "[fedora]\n"}


def test_the_users_files_come_first_and_make_another_disk(builder: Builder) -> None:
    assert list_written(fedora()) == []
    directory = repositories_directory("fedora-43")
    directory.mkdir(parents=True)
    (directory / "mine.repo").write_text("[mine]\n")
    assert list_written(fedora()) == ["mine.repo\n[mine]\n"]
    assert list_written(fedora("fedora-42")) == []
    located = locate_packages(fedora(), host=builder.root, title="the image")
    assert isinstance(located, Fedora)
    assert located.repositories.directory == directory


def test_an_image_of_another_distribution_is_one_error(builder: Builder) -> None:
    with pytest.raises(HostError, match="the image X is not Rocky Linux 9") as raised:
        locate_packages(fedora("rocky-9"), host=builder.root, title="the image X")
    assert "write files ending in .repo" in raised.value.hint
