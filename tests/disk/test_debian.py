"""What a bootstrapped Debian is made of."""

from __future__ import annotations

import itertools

import pytest
import yaml

from charly_vm.disk.debian import CUSTOMIZE_HOOKS, ESSENTIAL_HOOKS, FILES, SUITES, find_debian
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


@pytest.mark.parametrize(("distro", "machine"), [("debian-11", "x86_64"), ("debian-12", "ppc64")])
def test_what_is_not_known_is_not_guessed(distro: str, machine: str) -> None:
    assert find_debian(distro, machine, ()) is None


def test_everything_that_changes_the_disk_changes_its_ingredients() -> None:
    cases = [("debian-12", ()), ("debian-13", ()), ("debian-12", ("nginx",))]
    made = [find_debian(distro, "x86_64", more) for distro, more in cases]
    for one, other in itertools.combinations(made, 2):
        assert one is not None
        assert other is not None
        assert one.ingredients != other.ingredients
    debian = made[0]
    assert debian is not None
    text = "\n".join(debian.ingredients)
    for part in (*FILES.values(), *ESSENTIAL_HOOKS, *CUSTOMIZE_HOOKS):
        assert part in text


def test_no_mirror_is_named() -> None:
    debian = find_debian("debian-12", "x86_64", ())
    assert debian is not None
    argv = debian.render_argv("/work/tree")
    assert argv[-2:] == ["bookworm", "/work/tree"]
    assert "://" not in " ".join(argv)


@pytest.mark.parametrize("hook", [*ESSENTIAL_HOOKS, *CUSTOMIZE_HOOKS])
def test_each_step_is_a_shell_command_without_a_syntax_error(hook: str) -> None:
    run(["sh", "-n", "-c", hook], timeout=20)


def test_cloud_init_looks_for_our_seed_only() -> None:
    text = FILES["etc/cloud/cloud.cfg.d/90_charly.cfg"]
    assert yaml.safe_load(text)["datasource_list"] == ["NoCloud", "None"]
    # ds-identify is a shell script and reads a list on one line only.
    assert "datasource_list: [NoCloud, None]\n" in text


def test_systemd_writes_to_the_serial_console_and_the_kernel_to_both() -> None:
    [line] = [one for one in FILES["boot/grub/grub.cfg"].splitlines() if one.startswith("linux")]
    assert line.split()[-2:] == ["console=tty0", "console=ttyS0,115200"]
