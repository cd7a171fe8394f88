"""Which firmware a host has: its descriptors first, then the paths that are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from charly_vm.host.facts import Firmware
from charly_vm.host.firmware import KNOWN, probe_firmware

SHARE = "usr/share/qemu/firmware"


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration directory of the test's own; returns its place for descriptors."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "qemu" / "firmware"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def put(root: Path, *paths: str) -> None:
    for path in paths:
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def descriptor(code: str, variables: str = "/fw/VARS.fd", **changes: Any) -> str:
    flash = {
        "device": "flash",
        "executable": {"filename": code, "format": "raw"},
        "nvram-template": {"filename": variables, "format": "raw"},
    }
    said = {
        "description": "a firmware",
        "interface-types": ["uefi"],
        "mapping": {**flash, **changes.pop("mapping", {})},
        "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}],
        "features": [],
        "tags": [],
    }
    return json.dumps({**said, **changes})


def describe(root: Path, directory: str, name: str, text: str) -> None:
    put(root, f"{directory}/{name}")
    (root / directory / name).write_text(text)


def codes(root: Path) -> list[str]:
    return [one.code for one in probe_firmware(root)]


def test_a_host_without_firmware_has_none(root: Path) -> None:
    assert probe_firmware(root) == ()


def test_a_descriptor_is_read_with_its_features(root: Path) -> None:
    put(root, "/fw/CODE.fd", "/fw/VARS.fd")
    features = ["acpi-s3", "enrolled-keys", "requires-smm", "secure-boot"]
    describe(root, SHARE, "40-secure.json", descriptor("/fw/CODE.fd", features=features))
    assert probe_firmware(root) == (
        Firmware(
            architecture="x86_64",
            machines=("pc-q35-*",),
            code="/fw/CODE.fd",
            vars_template="/fw/VARS.fd",
            format="raw",
            secure_boot=True,
            keys_enrolled=True,
            smm=True,
        ),
    )


def test_descriptors_come_by_their_names_and_before_the_known_paths(root: Path) -> None:
    known = KNOWN[0]
    put(root, "/fw/A.fd", "/fw/B.fd", "/fw/VARS.fd", known.code, known.vars_template)
    describe(root, SHARE, "60-b.json", descriptor("/fw/B.fd"))
    describe(root, SHARE, "50-a.json", descriptor("/fw/A.fd"))
    assert codes(root) == ["/fw/A.fd", "/fw/B.fd", known.code]


def test_each_target_of_a_descriptor_counts(root: Path) -> None:
    put(root, "/fw/CODE.fd", "/fw/VARS.fd")
    targets = [
        {"architecture": "x86_64", "machines": ["pc-q35-*"]},
        {"architecture": "aarch64", "machines": ["virt-*"]},
    ]
    describe(root, SHARE, "60.json", descriptor("/fw/CODE.fd", targets=targets))
    assert [one.architecture for one in probe_firmware(root)] == ["x86_64", "aarch64"]


def test_the_administrators_descriptor_hides_the_distributions_of_its_name(root: Path) -> None:
    put(root, "/fw/A.fd", "/fw/B.fd", "/fw/VARS.fd")
    describe(root, SHARE, "60.json", descriptor("/fw/A.fd"))
    describe(root, "etc/qemu/firmware", "60.json", descriptor("/fw/B.fd"))
    assert codes(root) == ["/fw/B.fd"]


def test_an_empty_descriptor_of_the_users_hides_as_well(root: Path, user: Path) -> None:
    put(root, "/fw/A.fd", "/fw/VARS.fd")
    describe(root, SHARE, "60.json", descriptor("/fw/A.fd"))
    user.mkdir(parents=True)
    (user / "60.json").touch()
    assert codes(root) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"mapping": {"device": "memory", "filename": "/fw/CODE.fd"}},
        {"mapping": {"mode": "stateless"}},
        {"mapping": {"mode": "combined"}},
        {"mapping": {"nvram-template": {"filename": "/fw/VARS.fd", "format": "qcow2"}}},
        {"interface-types": ["bios"]},
    ],
)
def test_firmware_that_keeps_no_variables_for_a_machine_is_left_out(
    root: Path, changes: dict[str, Any]
) -> None:
    put(root, "/fw/CODE.fd", "/fw/VARS.fd")
    describe(root, SHARE, "60.json", descriptor("/fw/CODE.fd", **changes))
    assert codes(root) == []


def test_a_mode_of_split_is_the_usual_one(root: Path) -> None:
    put(root, "/fw/CODE.fd", "/fw/VARS.fd")
    describe(root, SHARE, "60.json", descriptor("/fw/CODE.fd", mapping={"mode": "split"}))
    assert codes(root) == ["/fw/CODE.fd"]


def test_a_descriptor_whose_files_are_gone_is_left_out(root: Path) -> None:
    put(root, "/fw/CODE.fd")
    describe(root, SHARE, "60.json", descriptor("/fw/CODE.fd"))
    assert codes(root) == []


@pytest.mark.parametrize("text", ["{", "[]", "null", "{}", '{"mapping": {"device": "flash"}}', "7"])
def test_what_cannot_be_understood_is_left_out_and_the_rest_is_read(root: Path, text: str) -> None:
    put(root, "/fw/CODE.fd", "/fw/VARS.fd")
    describe(root, SHARE, "50-odd.json", text)
    describe(root, SHARE, "60-good.json", descriptor("/fw/CODE.fd"))
    assert codes(root) == ["/fw/CODE.fd"]


@pytest.mark.parametrize("known", KNOWN, ids=lambda one: one.code.strip("/").replace("/", "-"))
def test_each_known_pair_is_found_by_its_files(root: Path, known: Firmware) -> None:
    put(root, known.code, known.vars_template)
    assert known in probe_firmware(root)


def test_a_known_code_without_its_variables_is_not_there(root: Path) -> None:
    put(root, KNOWN[0].code)
    assert probe_firmware(root) == ()


def test_what_a_descriptor_and_the_known_paths_both_name_is_there_once(root: Path) -> None:
    put(root, "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd")
    text = descriptor(
        "/usr/share/OVMF/OVMF_CODE_4M.fd",
        "/usr/share/OVMF/OVMF_VARS_4M.fd",
        targets=[{"architecture": "x86_64", "machines": ["pc-i440fx-*", "pc-q35-*"]}],
    )
    describe(root, SHARE, "60.json", text)
    assert len(probe_firmware(root)) == 1


def test_this_host_has_what_the_suite_boots_with() -> None:
    found = probe_firmware()
    for architecture in ("x86_64", "aarch64"):
        assert [one for one in found if one.architecture == architecture and one.keys_enrolled]
        assert [one for one in found if one.architecture == architecture and not one.secure_boot]
