"""What a bootstrapped Arch Linux or CachyOS is made of."""

from __future__ import annotations

import itertools
import re

import pytest
import yaml

from charly_vm.disk.distros.arch import (
    FILES,
    INITRAMFS,
    SERVICES,
    VARIETIES,
    Arch,
    find_arch,
)
from charly_vm.disk.distros.choice import find_recipe, require_recipe
from charly_vm.disk.distros.common import ROOT_GROWS
from charly_vm.disk.distros.pacman_conf import PacmanConf
from charly_vm.disk.file_systems import FILE_SYSTEMS, FileSystem
from charly_vm.errors import HostError
from charly_vm.host.process import run
from charly_vm.model.source import Bootstrap

CONF = PacmanConf(
    "[options]\nSigLevel = Required\n[core]\nInclude = /etc/pacman.d/mirrorlist\n",
    {"/etc/pacman.d/mirrorlist": "Server = file:///srv/$repo\n"},
)


def source(distro: str = "arch", **more: object) -> Bootstrap:
    given = {"kind": "bootstrap", "builder": "pacstrap", "distro": distro, **more}
    return Bootstrap.model_validate(given)


def find(distro: str = "arch", **more: object) -> Arch:
    arch = find_arch(source(distro, **more), "x86_64")
    assert arch is not None
    return arch.with_repositories(CONF)


def script(arch: Arch) -> str:
    return arch.render_argv()[-1]


def kernel_line(arch: Arch) -> str:
    config = arch.files["boot/grub/grub.cfg"]
    [line] = [one for one in config.splitlines() if one.startswith("linux")]
    return line


@pytest.mark.parametrize("distro", VARIETIES)
def test_each_known_arch_boots_answers_and_grows(distro: str) -> None:
    wanted = {
        "base", "mkinitcpio", "grub", "openssh", "cloud-init", "cloud-guest-utils",
        "qemu-guest-agent", "e2fsprogs", "sudo",
    }  # fmt: skip
    assert wanted <= set(find(distro).packages)
    assert find(distro).files[ROOT_GROWS] == "[Partition]\nType=root\n"


def test_two_names_mean_arch() -> None:
    assert find("archlinux").ingredients == find("arch").ingredients


@pytest.mark.parametrize(("distro", "kernel"), [("arch", "linux"), ("cachyos", "linux-cachyos")])
def test_each_boots_its_own_kernel(distro: str, kernel: str) -> None:
    arch = find(distro)
    assert kernel in arch.packages
    assert kernel_line(arch).startswith(f"linux$bits /boot/vmlinuz-{kernel} root=LABEL=root ro ")
    assert f"initrd$bits /boot/initramfs-{kernel}.img\n" in arch.files["boot/grub/grub.cfg"]
    # Where its packages' scripts fail, pacman does not.
    assert f"for one in boot/vmlinuz-{kernel} boot/initramfs-{kernel}.img; do" in script(arch)


def test_cachyos_has_its_keys_and_its_servers() -> None:
    more = set(find("cachyos").packages) - set(find().packages)
    assert more == {
        "linux-cachyos", "cachyos-keyring", "cachyos-mirrorlist", "cachyos-v3-mirrorlist",
        "cachyos-v4-mirrorlist",
    }  # fmt: skip


def test_an_authors_packages_come_on_top_and_once() -> None:
    arch = find(package=["nginx", "curl"])
    assert arch.packages.count("curl") == 1
    assert arch.packages[-1] == "nginx"
    assert f'"$tree" {" ".join(arch.packages)}\n' in script(arch)


@pytest.mark.parametrize(
    ("distro", "machine", "builder"),
    [
        ("arch", "aarch64", "pacstrap"),
        ("arch", "x86_64", "debootstrap"),
        ("artix", "x86_64", "pacstrap"),
    ],
)
def test_what_no_pacstrap_makes_is_not_guessed(distro: str, machine: str, builder: str) -> None:
    assert find_recipe(source(distro, builder=builder), machine) is None


def test_all_that_changes_the_disk_changes_its_ingredients() -> None:
    made = [
        find(),
        find("cachyos"),
        find(package=["nginx"]),
        find(kernel_args="quiet"),
        find(root_size="6G"),
        find(rootfs="btrfs"),
        find().with_repositories(PacmanConf("[options]\n", CONF.included)),
        find().with_repositories(PacmanConf(CONF.text, {"/etc/pacman.d/mirrorlist": ""})),
    ]
    for one, other in itertools.combinations(made, 2):
        assert one.ingredients != other.ingredients
    text = "\n".join(made[0].ingredients)
    for part in (*made[0].files.values(), *made[0].efi, made[0].efi_config, *SERVICES):
        assert part in text


def test_no_server_is_named_but_those_of_the_configuration() -> None:
    arch = find("cachyos").with_repositories(PacmanConf("[options]\n"))
    assert "://" not in "\n".join(arch.ingredients)


def test_the_script_has_no_syntax_error_and_no_place_left_to_fill() -> None:
    text = script(find(package=["it's"]))
    run(["sh", "-n", "-c", text], timeout=20)
    assert re.findall(r"@[A-Z_]+@", text) == []


def test_a_configuration_is_quoted_and_never_filled_in() -> None:
    tricky = "# it's @TREE_VARIABLE@ $(reboot)\n"
    text = script(find().with_repositories(PacmanConf(tricky)))
    [line] = [one for one in text.split("\n#") if one.startswith(" the others come later")]
    [written] = re.findall(r"^printf %s (.*) >\"", line, re.MULTILINE | re.DOTALL)
    assert run(["sh", "-c", f"printf %s {written}"], timeout=20).stdout == tricky


def test_uefi_boots_the_guests_own_grub() -> None:
    arch = find(rootfs="xfs")
    assert arch.efi == {"EFI/BOOT/BOOTX64.EFI": "BOOTX64.EFI"}
    assert arch.efi_config == "EFI/BOOT/grub.cfg"
    [line] = [one for one in script(arch).splitlines() if "grub-mkimage" in one]
    # What `loaders.EFI_CONFIG` and our grub.cfg ask of it.
    needed = {"regexp", "part_gpt", "fat", "configfile", "normal", "linux", "boot", "xfs"}
    assert "-p /EFI/BOOT " in line
    assert needed <= set(line.split())


@pytest.mark.parametrize("file_system", FILE_SYSTEMS.values(), ids=lambda one: one.name)
def test_an_arch_has_what_its_root_needs(file_system: FileSystem) -> None:
    arch = find(rootfs=file_system.name)
    assert arch.file_system is file_system
    assert file_system.tools in arch.packages
    assert f"'{file_system.name}?')" in arch.files[INITRAMFS]
    assert arch.files["etc/fstab"] == file_system.fstab


def test_mkinitcpio_reads_its_configuration_before_the_kernel_is_there() -> None:
    text = script(find())
    early = text.index(f"for one in {INITRAMFS}; do")
    assert early < text.index("pacstrap -C") < text.index('cp -R --preserve=mode "$files/."')
    config = find().files[INITRAMFS]
    shown = run(["bash", "-c", f'{config}printf "%s " "${{MODULES[@]}}"'], timeout=20).stdout
    wanted = "virtio_pci? virtio_blk? virtio_scsi? sd_mod? ahci? nvme? ext4? "
    assert shown == wanted


def test_an_archs_cloud_init_looks_for_our_seed_only_and_generates_no_locale() -> None:
    text = FILES["etc/cloud/cloud.cfg.d/90_charly.cfg"]
    read = yaml.safe_load(text)
    assert read["datasource_list"] == ["NoCloud", "None"]
    assert "datasource_list: [NoCloud, None]\n" in text
    assert read["locale"] is False


def test_a_guest_gets_the_repositories_it_was_made_from() -> None:
    files = find().files
    assert files["etc/pacman.conf"] == CONF.text
    assert files["etc/pacman.d/mirrorlist"] == "Server = file:///srv/$repo\n"


def test_an_arch_with_a_limit_stops_growing_there() -> None:
    capped = find_arch(source(root_size="6G"), "x86_64", root_size=3 * 1024**3)
    assert find(root_size="6G").files[ROOT_GROWS].endswith("SizeMaxBytes=6442450944\n")
    assert capped is not None
    assert capped.files[ROOT_GROWS].endswith("SizeMaxBytes=3221225472\n")


@pytest.mark.parametrize(
    ("written", "rendered"),
    [("quiet  nosmt", "quiet nosmt"), ('dyndbg="file drm.c +p"', "'dyndbg=file drm.c +p'")],
)
def test_an_archs_kernel_arguments_come_last(written: str, rendered: str) -> None:
    line = kernel_line(find(kernel_args=written))
    assert line.endswith(f" console=tty0 console=ttyS0,115200 {rendered}")


def test_an_arch_of_its_only_architecture_is_made() -> None:
    assert find().find_unmade(source(bootstrap_arch="x86_64")) == []


def test_what_pacstrap_cannot_be_told_is_named() -> None:
    written = source(bootstrap_arch="x86_64_v3", bootstrap_variant="minbase")
    unmade = [
        "bootstrap_arch: x86_64_v3 (it is x86_64)",
        "bootstrap_variant: minbase (pacstrap has no variants)",
    ]
    assert find().find_unmade(written) == unmade
    with pytest.raises(HostError, match="a disk of arch is not bootstrapped with bootstrap_arch"):
        require_recipe(written, "x86_64")


def test_the_programs_that_it_takes_are_named_with_their_packages() -> None:
    programs = find().programs
    assert programs["pacstrap"] == "arch-install-scripts"
    assert programs["pacman"] == "pacman-package-manager (Fedora, Arch: pacman)"
