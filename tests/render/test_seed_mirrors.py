from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from charly_vm.host.process import require_tool, run
from charly_vm.model.cloud_init import Mirrors
from charly_vm.model.distribution import FAMILIES, Distribution
from charly_vm.render.seed_mirrors import PACMAN_LIST, render_mirrors

FEDORA_REPO = """\
[fedora]
#baseurl=http://download.example/pub/fedora/linux/releases/$releasever/Everything/$basearch/os/
metalink=https://mirrors.example/metalink?repo=fedora-$releasever&arch=$basearch
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-fedora
"""
ROCKY_REPO = """\
[baseos]
mirrorlist=https://mirrors.example/mirrorlist?arch=$basearch
#baseurl=http://dl.example/$contentdir/$releasever/BaseOS/$basearch/os/
"""
FOREIGN_REPO = """\
[vendor]
baseurl=https://vendor.example/rpm/
metalink=https://vendor.example/metalink
"""


def rendered(name: str | None, **mirrors: Any) -> dict[str, Any]:
    distribution = Distribution(name, FAMILIES[name]) if name else None
    return render_mirrors(Mirrors.model_validate(mirrors), distribution)


def test_debians_security_archive_stands_beside_the_mirror() -> None:
    apt = rendered("debian", apt=["http://127.0.0.1/debian/"])["apt"]
    assert apt["primary"] == [{"arches": ["default"], "uri": "http://127.0.0.1/debian/"}]
    assert apt["security"] == [{"arches": ["default"], "uri": "http://127.0.0.1/debian-security"}]
    assert apt["preserve_sources_list"] is False


def test_ubuntus_mirrors_have_security_updates_in_them() -> None:
    assert "security" not in rendered("ubuntu", apt=["http://127.0.0.1/ubuntu"])["apt"]


def test_of_several_cloud_init_chooses() -> None:
    urls = ["http://one.example/ubuntu", "http://two.example/ubuntu"]
    [primary] = rendered("ubuntu", apt=urls)["apt"]["primary"]
    assert primary == {"arches": ["default"], "search": urls}


def test_pacman_gets_a_list_in_its_own_form() -> None:
    urls = ["http://127.0.0.1/arch/", "http://127.0.0.1/$arch/$repo"]
    [file] = rendered("cachyos", pacman=urls)["write_files"]
    assert file["path"] == PACMAN_LIST
    assert file["content"].splitlines() == [
        "Server = http://127.0.0.1/arch/$repo/os/$arch",
        "Server = http://127.0.0.1/$arch/$repo",
    ]


def test_a_guest_takes_the_mirrors_of_its_own_package_manager() -> None:
    everything = {
        "apt": ["http://a.example/a"],
        "dnf": ["http://d.example/d"],
        "pacman": ["http://p.example/p"],
    }
    keys = {name: list(rendered(name, **everything)) for name in ("debian", "fedora", "arch")}
    assert keys == {"debian": ["apt"], "fedora": ["bootcmd"], "arch": ["write_files"]}
    assert set(rendered(None, **everything)) == {"apt", "bootcmd", "write_files"}


def test_nothing_is_said_without_mirrors() -> None:
    assert rendered("debian") == rendered(None) == {}


@pytest.fixture
def repositories(tmp_path: Path) -> Path:
    directory = tmp_path / "etc" / "yum.repos.d"
    directory.mkdir(parents=True)
    for name, text in (("f", FEDORA_REPO), ("r", ROCKY_REPO), ("v", FOREIGN_REPO)):
        (directory / f"{name}.repo").write_text(text)
    return directory


def run_dnf_command(repositories: Path, *urls: str) -> dict[str, str]:
    """Run it as cloud-init would, on these files instead of the guest's; what is in them then."""
    [[program, how, name, *command]] = rendered("fedora", dnf=list(urls))["bootcmd"]
    assert (program, how, name) == ("cloud-init-per", "instance", "charly-mirrors")
    shell = require_tool(command[0], package="dash")
    script = command[2].replace("/etc/yum.repos.d", str(repositories))
    run([shell, command[1], script], timeout=10, env={"PATH": os.environ["PATH"]})
    return {file.stem: file.read_text() for file in repositories.iterdir()}


def test_dnf_uses_the_repositories_own_base_urls_on_the_mirror(repositories: Path) -> None:
    files = run_dnf_command(repositories, "http://127.0.0.1/fedora/?a&b")
    assert files["f"].splitlines()[1:3] == [
        "baseurl=http://127.0.0.1/fedora/?a&b/releases/$releasever/Everything/$basearch/os/",
        "#metalink=https://mirrors.example/metalink?repo=fedora-$releasever&arch=$basearch",
    ]
    assert "\nbaseurl=http://127.0.0.1/fedora/?a&b/$releasever/BaseOS/" in files["r"]
    assert "\n#mirrorlist=" in files["r"]


def test_dnf_leaves_repositories_alone_that_no_mirror_has(repositories: Path) -> None:
    assert run_dnf_command(repositories, "http://127.0.0.1/fedora")["v"] == FOREIGN_REPO


def test_dnf_may_choose_among_several(repositories: Path) -> None:
    files = run_dnf_command(repositories, "http://one.example", "http://two.example/x/")
    base = files["f"].splitlines()[1].removeprefix("baseurl=").split()
    assert base == [
        "http://one.example/releases/$releasever/Everything/$basearch/os/",
        "http://two.example/x/releases/$releasever/Everything/$basearch/os/",
    ]
