"""What a bootstrapped Debian is made of."""

from __future__ import annotations

import itertools

import pytest
import yaml

from charly_vm.disk.debian import ESSENTIAL_HOOKS, FILES, SUITES, find_debian
from charly_vm.disk.debian_ports import PORTS
from charly_vm.host.process import run


@pytest.mark.parametrize("distro", SUITES)
def test_each_known_debian_boots_answers_and_grows(distro: str) -> None:
    debian = find_debian(distro, "x86_64", ())
    assert debian is not None
    assert debian.suite == SUITES[distro]
    wanted = {
        "linux-image-cloud-amd64", "systemd-sysv", "cloud-init", "openssh-server",
        "qemu-guest-agent", "cloud-guest-utils", "fdisk", "e2fsprogs", "sudo",
    }  # fmt: skip
    assert wanted <= set(debian.packages)


def test_debian_13_has_systemd_repart_in_a_package_of_its_own() -> None:
    twelve, thirteen = (find_debian(distro, "x86_64", ()) for distro in SUITES)
    assert twelve is not None
    assert thirteen is not None
    assert set(thirteen.packages) - set(twelve.packages) == {"systemd-repart"}


def test_the_authors_packages_come_on_top_and_once() -> None:
    debian = find_debian("debian-12", "x86_64", ("nginx", "curl"))
    assert debian is not None
    assert debian.packages.count("curl") == 1
    assert "nginx" in debian.render_argv("/tree")[5]


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
    debian = find_debian("debian-13", machine, ())
    assert debian is not None
    assert kernel in debian.packages
    assert f"console={console},115200\n" in debian.files["boot/grub/grub.cfg"]
    assert f"--architectures={debian.port.name}" in debian.render_argv("/tree")


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
    assert find_debian(distro, machine, ()) is None


def test_everything_that_changes_the_disk_changes_its_ingredients() -> None:
    cases = [
        ("debian-12", "x86_64", ()),
        ("debian-13", "x86_64", ()),
        ("debian-12", "x86_64", ("nginx",)),
        ("debian-12", "aarch64", ()),
    ]
    made = [find_debian(*case) for case in cases]
    for one, other in itertools.combinations(made, 2):
        assert one is not None
        assert other is not None
        assert one.ingredients != other.ingredients
    debian = made[0]
    assert debian is not None
    text = "\n".join(debian.ingredients)
    parts = (*debian.files.values(), *ESSENTIAL_HOOKS, *debian.customize_hooks)
    for part in (*parts, *debian.port.efi, *debian.port.efi.values()):
        assert part in text


def test_no_mirror_is_named() -> None:
    debian = find_debian("debian-12", "x86_64", ())
    assert debian is not None
    argv = debian.render_argv("/work/tree")
    assert argv[-2:] == ["bookworm", "/work/tree"]
    assert "://" not in " ".join(argv)


@pytest.mark.parametrize("machine", PORTS)
def test_each_step_is_a_shell_command_without_a_syntax_error(machine: str) -> None:
    debian = find_debian("debian-13", machine, ())
    assert debian is not None
    for hook in (*ESSENTIAL_HOOKS, *debian.customize_hooks):
        run(["sh", "-n", "-c", hook], timeout=20)


def test_cloud_init_looks_for_our_seed_only() -> None:
    text = FILES["etc/cloud/cloud.cfg.d/90_charly.cfg"]
    assert yaml.safe_load(text)["datasource_list"] == ["NoCloud", "None"]
    # ds-identify is a shell script and reads a list on one line only.
    assert "datasource_list: [NoCloud, None]\n" in text


def test_systemd_writes_to_the_serial_console_and_the_kernel_to_both() -> None:
    debian = find_debian("debian-12", "x86_64", ())
    assert debian is not None
    config = debian.files["boot/grub/grub.cfg"]
    [line] = [one for one in config.splitlines() if one.startswith("linux")]
    assert line.split()[-2:] == ["console=tty0", "console=ttyS0,115200"]


def test_a_root_with_a_limit_stops_growing_there_and_is_another_disk() -> None:
    whole = find_debian("debian-12", "x86_64", ())
    capped = find_debian("debian-12", "x86_64", (), root_size=6 * 1024**3)
    assert whole is not None
    assert capped is not None
    assert "SizeMaxBytes" not in "".join(whole.files.values())
    assert capped.files["etc/repart.d/50-root.conf"].endswith("SizeMaxBytes=6442450944\n")
    assert whole.ingredients != capped.ingredients
