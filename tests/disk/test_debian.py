"""What a bootstrapped Debian is made of."""

from __future__ import annotations

import itertools

import pytest
import yaml

from charly_vm.disk.distros.debian import (
    BUILDERS,
    CUSTOMIZE_HOOKS,
    FILES,
    SUITES,
    VARIANTS,
    Debian,
    find_debian,
)
from charly_vm.disk.distros.debian_ports import PORTS
from charly_vm.disk.file_systems import FILE_SYSTEMS, FileSystem
from charly_vm.host.process import run
from charly_vm.model.source import Bootstrap


def source(distro: str = "debian-12", **more: object) -> Bootstrap:
    return Bootstrap.model_validate({"kind": "bootstrap", "distro": distro, **more})


def find(distro: str = "debian-12", machine: str = "x86_64", **more: object) -> Debian:
    debian = find_debian(source(distro, **more), machine)
    assert debian is not None
    return debian


@pytest.mark.parametrize("distro", SUITES)
def test_each_known_debian_boots_answers_and_grows(distro: str) -> None:
    debian = find(distro)
    assert debian.suite == SUITES[distro]
    wanted = {
        "linux-image-cloud-amd64", "systemd-sysv", "cloud-init", "openssh-server",
        "qemu-guest-agent", "cloud-guest-utils", "fdisk", "e2fsprogs", "sudo",
    }  # fmt: skip
    assert wanted <= set(debian.packages)


def test_debian_13_has_systemd_repart_in_a_package_of_its_own() -> None:
    twelve, thirteen = map(find, SUITES)
    assert set(thirteen.packages) - set(twelve.packages) == {"systemd-repart"}


def test_the_authors_packages_come_on_top_and_once() -> None:
    debian = find(package=["nginx", "curl"])
    assert debian.packages.count("curl") == 1
    [included] = [word for word in debian.render_argv() if word.startswith("--include=")]
    assert "nginx" in included.split(",")


@pytest.mark.parametrize("kernel", ["linux-image-amd64", "linux-image-6.1.0-57-rt-amd64"])
def test_a_kernel_that_is_named_takes_the_place_of_the_usual_one(kernel: str) -> None:
    images = [one for one in find(package=["nginx", kernel]).packages if "linux-image" in one]
    assert images == [kernel]


def test_what_is_for_debuggers_is_no_kernel() -> None:
    assert "linux-image-cloud-amd64" in find(package=["linux-image-amd64-dbg"]).packages


@pytest.mark.parametrize(
    ("machine", "kernel", "console"),
    [
        ("x86_64", "linux-image-cloud-amd64", "ttyS0"),
        ("aarch64", "linux-image-cloud-arm64", "ttyAMA0"),
    ],
)
def test_each_architecture_has_its_kernel_and_its_console(
    machine: str, kernel: str, console: str
) -> None:
    debian = find("debian-13", machine)
    assert kernel in debian.packages
    assert f"console={console},115200\n" in debian.files["boot/grub/grub.cfg"]
    assert f"--architectures={debian.port.name}" in debian.render_argv()


@pytest.mark.parametrize("machine", PORTS)
def test_uefi_boots_what_secure_boot_lets_pass(machine: str) -> None:
    port = PORTS[machine]
    assert port.loaders == ("shim-signed", f"grub-efi-{port.name}-signed")
    shim, grub = port.efi.items()
    # The firmware starts the first by its name, and that the second by its own.
    assert shim[0].startswith("EFI/BOOT/BOOT")
    assert shim[1].endswith(".efi.signed")
    assert grub[0].startswith("EFI/BOOT/grub")
    assert grub[1].endswith(".efi.signed")


@pytest.mark.parametrize(
    ("distro", "machine"),
    [("debian-11", "x86_64"), ("debian-12", "ppc64"), ("debian-13", "riscv64")],
)
def test_what_is_not_known_is_not_guessed(distro: str, machine: str) -> None:
    assert find_debian(source(distro), machine) is None


def test_everything_that_changes_the_disk_changes_its_ingredients() -> None:
    made = [
        find(),
        find("debian-13"),
        find(machine="aarch64"),
        find(package=["nginx"]),
        find(kernel_args="quiet"),
        find(bootstrap_variant="important"),
        find(root_size="6G"),
        find(builder="debootstrap"),
        find(rootfs="btrfs"),
    ]
    for one, other in itertools.combinations(made, 2):
        assert one.ingredients != other.ingredients
    debian = made[0]
    text = "\n".join(debian.ingredients)
    parts = (*debian.files.values(), *CUSTOMIZE_HOOKS, *debian.port.loaders)
    for part in (*parts, *debian.efi, *debian.efi.values()):
        assert part in text


@pytest.mark.parametrize("builder", BUILDERS)
def test_no_mirror_is_named(builder: str) -> None:
    words = find(builder=builder).render_argv()
    assert "bookworm" in words[-1]
    assert "://" not in " ".join(words)


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("machine", PORTS)
def test_each_step_is_a_shell_command_without_a_syntax_error(machine: str, builder: str) -> None:
    words = find("debian-13", machine, builder=builder).render_argv()
    hooks = [word.partition("=")[2] for word in words if "-hook=" in word]
    for script in (words[2], *hooks):
        run(["sh", "-n", "-c", script], timeout=20)


def test_debootstrap_installs_the_same_packages_in_the_new_system() -> None:
    debian = find(builder="debootstrap", bootstrap_variant="buildd", package=["nginx"])
    assert debian.programs == {"debootstrap": "debootstrap"}
    script = debian.render_argv()[-1]
    assert (
        'debootstrap --force-check-gpg --arch=amd64 --variant=buildd bookworm "$tree"\n' in script
    )
    assert set(find().packages) < set(debian.packages)
    assert f"install {' '.join(debian.packages)}\n" in script
    for hook in CUSTOMIZE_HOOKS:
        assert f"{hook}\n" in script
    assert "@" not in script.replace('"$@"', "")


def test_debootstraps_own_choice_of_packages_has_no_name() -> None:
    script = find(builder="debootstrap", bootstrap_variant="-").render_argv()[-1]
    assert 'debootstrap --force-check-gpg --arch=amd64  bookworm "$tree"\n' in script


@pytest.mark.parametrize("file_system", FILE_SYSTEMS.values(), ids=lambda one: one.name)
def test_the_guest_has_what_its_root_needs(file_system: FileSystem) -> None:
    rootfs = file_system.name
    debian = find(rootfs=rootfs)
    assert debian.file_system is file_system
    assert file_system.tools in debian.packages
    assert rootfs in debian.files["etc/initramfs-tools/modules"].splitlines()
    label, place, kind, options, _, _ = debian.files["etc/fstab"].split()
    assert (label, place, kind) == ("LABEL=root", "/", rootfs)
    assert "x-systemd.growfs" in options.split(",")


def test_cloud_init_looks_for_our_seed_only() -> None:
    text = FILES["etc/cloud/cloud.cfg.d/90_charly.cfg"]
    assert yaml.safe_load(text)["datasource_list"] == ["NoCloud", "None"]
    # ds-identify is a shell script and reads a list on one line only.
    assert "datasource_list: [NoCloud, None]\n" in text


def test_systemd_writes_to_the_serial_console_and_the_kernel_to_both() -> None:
    debian = find()
    config = debian.files["boot/grub/grub.cfg"]
    [line] = [one for one in config.splitlines() if one.startswith("linux")]
    assert line.split()[-2:] == ["console=tty0", "console=ttyS0,115200"]


def test_a_root_with_a_limit_stops_growing_there() -> None:
    assert "SizeMaxBytes" not in "".join(find().files.values())
    capped = find(root_size="6G")
    assert capped.files["etc/repart.d/50-root.conf"].endswith("SizeMaxBytes=6442450944\n")


def test_a_limit_of_the_command_line_comes_before_the_files() -> None:
    debian = find_debian(source(root_size="6G"), "x86_64", root_size=3 * 1024**3)
    assert debian is not None
    assert debian.files["etc/repart.d/50-root.conf"].endswith("SizeMaxBytes=3221225472\n")


@pytest.mark.parametrize(
    ("written", "rendered"),
    [
        ("quiet  mitigations=off", "quiet mitigations=off"),
        ("console=tty0", "console=tty0"),
        ('dyndbg="file drm.c +p"', "'dyndbg=file drm.c +p'"),
        ("a=$b;c\nd", "'a=$b;c' d"),
    ],
)
def test_the_authors_kernel_arguments_come_last(written: str, rendered: str) -> None:
    config = find(kernel_args=written).files["boot/grub/grub.cfg"]
    [line] = [one for one in config.splitlines() if one.startswith("linux")]
    assert line.endswith(f" console=ttyS0,115200 {rendered}")


def test_the_variant_is_mmdebstraps() -> None:
    assert "--variant=minbase" in find().render_argv()
    assert "--variant=important" in find(bootstrap_variant="important").render_argv()


@pytest.mark.parametrize(
    ("builder", "variant"),
    [(builder, one) for builder, known in VARIANTS.items() for one in (None, *known)],
)
def test_what_is_made_is_not_refused(builder: str, variant: str | None) -> None:
    written = source(builder=builder, bootstrap_variant=variant, bootstrap_arch="amd64")
    assert find(builder=builder).find_unmade(written) == []


def test_what_is_not_made_is_named_with_what_is() -> None:
    written = source(
        builder="debootstrap",
        bootstrap_arch="arm64",
        bootstrap_variant="important",
    )
    assert find(builder="debootstrap").find_unmade(written) == [
        "bootstrap_arch: arm64 (by `arch` it is amd64)",
        "bootstrap_variant: important (debootstrap knows minbase, buildd, -)",
    ]
