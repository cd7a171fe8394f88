"""What a bootstrapped Fedora, or one of its kin, is made of."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml

from charly_vm.disk.distros.choice import find_recipe, locate_packages, require_recipe
from charly_vm.disk.distros.dnf_installroot import KERNEL_PLUGIN, KERNEL_PLUGIN_TEXT
from charly_vm.disk.distros.dnf_repositories import require_repositories
from charly_vm.disk.distros.fedora import FILES, MEMBERS, Fedora, Repositories, find_fedora
from charly_vm.disk.distros.repositories import repositories_directory
from charly_vm.disk.file_systems import FILE_SYSTEMS, FileSystem
from charly_vm.errors import HostError
from charly_vm.host.process import run
from charly_vm.model.distribution import FEDORA, find_distribution
from charly_vm.model.source import Bootstrap

KNOWN = ("fedora-36", "fedora-43", "centos-stream-9", "rocky-10", "almalinux-9")


def source(distro: str = "fedora-43", **more: object) -> Bootstrap:
    return Bootstrap.model_validate(
        {"kind": "bootstrap", "builder": "dnf", "distro": distro, **more}
    )


def find(distro: str = "fedora-43", **more: object) -> Fedora:
    fedora = find_fedora(source(distro, **more), "x86_64")
    assert fedora is not None
    return fedora


@pytest.mark.parametrize("distro", KNOWN)
def test_each_of_the_family_boots_answers_and_grows(distro: str) -> None:
    fedora = find(distro)
    wanted = {
        "kernel-core", "dracut", "systemd", "systemd-udev", "NetworkManager", "cloud-init",
        "cloud-utils-growpart", "openssh-server", "qemu-guest-agent", "sudo", "e2fsprogs",
        "grub2-efi-x64", "shim-x64",
    }  # fmt: skip
    assert wanted <= set(fedora.packages)
    assert f" --releasever={fedora.release} " in fedora.render_argv()[2]


def test_a_seed_has_nothing_to_install_that_is_there_already() -> None:
    assert set(FEDORA.packages) <= set(find().packages)


@pytest.mark.parametrize("distro", KNOWN)
def test_the_guests_family_is_known_by_its_name(distro: str) -> None:
    distribution = find_distribution(source(distro))
    assert distribution is not None
    assert distribution.family is FEDORA


def test_the_authors_packages_come_on_top_and_once() -> None:
    fedora = find(package=["nginx", "sudo"])
    assert fedora.packages.count("sudo") == 1
    assert " nginx >&2\n" in fedora.render_argv()[2]


@pytest.mark.parametrize(
    "distro", ["fedora", "fedora-rawhide", "fedora-35", "fedora-043", "rocky-8", "centos-9"]
)
def test_what_is_not_known_is_not_guessed(distro: str) -> None:
    assert find_fedora(source(distro), "x86_64") is None


def test_nothing_else_is_made_than_what_was_asked_for() -> None:
    assert find_fedora(source(), "aarch64") is None
    other = Bootstrap(kind="bootstrap", builder="mmdebstrap", distro="fedora-43")
    assert find_fedora(other, "x86_64") is None


def test_it_is_found_among_all_families_without_asking_where_packages_are() -> None:
    assert find_recipe(source(), "x86_64") == find()


def test_everything_that_changes_the_disk_changes_its_ingredients() -> None:
    made = [
        find(),
        find("fedora-42"),
        find("rocky-9"),
        find("almalinux-9"),
        find(package=["nginx"]),
        find(kernel_args="quiet"),
        find(root_size="6G"),
        find(rootfs="btrfs"),
        find().with_repositories(Repositories(Path("/a"), {"a.repo": "[a]\n"})),
        find().with_repositories(Repositories(Path("/a"), {"b.repo": "[a]\n"})),
        find().with_repositories(Repositories(Path("/a"), {"a.repo": "[b]\n"})),
    ]
    for one, other in itertools.combinations(made, 2):
        assert one.ingredients != other.ingredients
    text = "\n".join(made[0].ingredients)
    for part in (*made[0].files.values(), *made[0].efi, *made[0].packages):
        assert part in text


def test_where_the_same_repositories_are_written_does_not() -> None:
    here, there = (
        find().with_repositories(Repositories(Path(path), {"a.repo": "[a]\n"}))
        for path in ("/here", "/there")
    )
    assert here.ingredients == there.ingredients
    assert here.render_argv()[-1] == "/here"


@pytest.mark.parametrize("distro", KNOWN)
def test_the_script_has_no_syntax_error_and_nothing_left_to_fill_in(distro: str) -> None:
    for fedora in (find(distro), find(distro, root_size="6G")):
        script = fedora.render_argv()[2]
        run(["sh", "-n", "-c", script], timeout=20)
        assert "@" not in script.replace('"$@"', "")
        assert "://" not in script


def test_the_kernels_plugin_has_no_syntax_error() -> None:
    run(["sh", "-n", "-c", KERNEL_PLUGIN_TEXT], timeout=20)
    assert find().files[KERNEL_PLUGIN] == KERNEL_PLUGIN_TEXT


@pytest.mark.parametrize(
    ("distro", "database"),
    [
        ("fedora-43", "/usr/lib/sysimage/rpm"),
        ("rocky-9", "/var/lib/rpm"),
        ("rocky-10", "/usr/lib/sysimage/rpm"),
    ],
)
def test_the_database_is_where_the_guests_rpm_looks(distro: str, database: str) -> None:
    assert f"\n%_dbpath {database}\n" in find(distro).render_argv()[2]


@pytest.mark.parametrize(
    ("distro", "vendor"),
    [
        ("fedora-43", "fedora"),
        ("centos-stream-9", "centos"),
        ("rocky-9", "rocky"),
        ("almalinux-9", "almalinux"),
    ],
)
def test_uefi_boots_what_the_vendor_has_signed(distro: str, vendor: str) -> None:
    fedora = find(distro)
    assert f'-path "*/EFI/{vendor}/$name"' in fedora.render_argv()[2]
    assert fedora.efi_config == f"EFI/{vendor}/grub.cfg"
    assert fedora.efi == {
        "EFI/BOOT/BOOTX64.EFI": "shimx64.efi",
        "EFI/BOOT/grubx64.efi": "grubx64.efi",
    }


@pytest.mark.parametrize("file_system", FILE_SYSTEMS.values(), ids=lambda one: one.name)
def test_the_guest_has_what_its_root_needs(file_system: FileSystem) -> None:
    fedora = find(rootfs=file_system.name)
    assert file_system.tools in fedora.packages
    drivers = fedora.files["etc/dracut.conf.d/charly.conf"]
    assert f'nvme {file_system.name} "\n' in drivers
    assert fedora.files["etc/fstab"] == file_system.fstab


def test_cloud_init_looks_for_our_seed_only() -> None:
    text = FILES["etc/cloud/cloud.cfg.d/90_charly.cfg"]
    assert yaml.safe_load(text)["datasource_list"] == ["NoCloud", "None"]
    # ds-identify is a shell script and reads a list on one line only.
    assert "datasource_list: [NoCloud, None]\n" in text


def test_a_root_with_a_limit_stops_growing_there() -> None:
    assert "SizeMaxBytes" not in "".join(find().files.values())
    capped = find(root_size="6G")
    assert capped.files["etc/repart.d/50-root.conf"].endswith("SizeMaxBytes=6442450944\n")
    assert "\nelif true; then\n" in capped.render_argv()[2]
    assert "\nelif false; then\n" in find().render_argv()[2]


def test_a_limit_of_the_command_line_comes_before_the_files() -> None:
    fedora = find_fedora(source(root_size="6G"), "x86_64", root_size=3 * 1024**3)
    assert fedora is not None
    assert fedora.files["etc/repart.d/50-root.conf"].endswith("SizeMaxBytes=3221225472\n")


def test_the_authors_kernel_arguments_come_last() -> None:
    config = find(kernel_args='quiet dyndbg="file drm.c +p"').files["boot/grub/grub.cfg"]
    [line] = [one for one in config.splitlines() if one.startswith("linux")]
    assert line.endswith(" console=tty0 console=ttyS0,115200 quiet 'dyndbg=file drm.c +p'")


def test_what_is_made_is_not_refused() -> None:
    assert find().find_unmade(source(bootstrap_arch="x86_64", rootfs="btrfs")) == []
    assert find("rocky-9").find_unmade(source("rocky-9", rootfs="xfs")) == []


def test_what_is_not_made_is_named_with_what_is() -> None:
    written = source(
        "rocky-9",
        bootstrap_arch="aarch64",
        bootstrap_variant="minimal",
        rootfs="btrfs",
    )
    assert find("rocky-9", rootfs="btrfs").find_unmade(written) == [
        "bootstrap_arch: aarch64 (it is x86_64)",
        "bootstrap_variant: minimal (dnf has no variants)",
        "rootfs: btrfs (the kernel of Rocky Linux 9 cannot mount it)",
    ]


def host(directory: Path, os_release: str) -> Path:
    """A host with one file of repositories."""
    repositories = directory / "etc/yum.repos.d"
    repositories.mkdir(parents=True)
    (repositories / "own.repo").write_text("[own]\n")
    (directory / "etc/os-release").write_text(os_release)
    return directory


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's own files for Fedora 43 belong; there are none yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    directory = repositories_directory("fedora-43")
    directory.mkdir(parents=True)
    return directory


@pytest.mark.parametrize(
    ("distro", "os_release"),
    [
        ("fedora-43", "ID=fedora\nVERSION_ID=43\n"),
        ("fedora-43", "ID=fedora\nVERSION_ID=42\n"),
        ("rocky-9", 'ID="rocky"\nVERSION_ID="9.6"\n'),
    ],
)
def test_a_host_of_the_distribution_knows_its_repositories(
    tmp_path: Path, written: Path, distro: str, os_release: str
) -> None:
    own = host(tmp_path / "host", os_release)
    found = require_repositories(find(distro), host=own)
    assert found == Repositories(Path("/etc/yum.repos.d"), {"etc/yum.repos.d/own.repo": "[own]\n"})


def test_what_the_user_has_written_comes_first(tmp_path: Path, written: Path) -> None:
    (written / "mine.repo").write_text("[mine]\n")
    (written / "notes.txt").write_text("not for dnf\n")
    found = require_repositories(find(), host=host(tmp_path / "host", "ID=fedora\n"))
    assert found == Repositories(written, {"mine.repo": "[mine]\n"})


@pytest.mark.parametrize(
    ("distro", "os_release"),
    [("fedora-43", "ID=debian\nVERSION_ID=43\n"), ("rocky-10", "ID=rocky\nVERSION_ID=9.6\n")],
)
def test_any_other_host_is_told_what_to_write_and_where(
    tmp_path: Path, written: Path, distro: str, os_release: str
) -> None:
    with pytest.raises(HostError, match="does not know where its packages are") as raised:
        require_repositories(find(distro), host=host(tmp_path / "host", os_release))
    assert str(repositories_directory(distro)) in raised.value.hint


def test_a_disk_is_not_begun_without_repositories(written: Path) -> None:
    (written / "mine.repo").write_text("[mine]\n")
    recipe = locate_packages(require_recipe(source(), "x86_64"))
    assert recipe.ingredients[-1] == "mine.repo\n[mine]\n"
    (written / "mine.repo").unlink()
    with pytest.raises(HostError):
        locate_packages(require_recipe(source("almalinux-10"), "x86_64"))


def test_the_family_is_named_where_a_distribution_is_not_known() -> None:
    with pytest.raises(HostError) as raised:
        require_recipe(source("slackware-15"), "x86_64")
    for name in MEMBERS:
        assert f"{name}-N" in raised.value.hint
