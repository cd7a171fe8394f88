"""`charly settings` as people use it."""

from __future__ import annotations

import json

import pytest
from charly_process import Charly

pytestmark = pytest.mark.slow


def test_a_setting_is_set_shown_used_and_unset(charly: Charly) -> None:
    assert charly("settings", "get", "vm.backend").stdout == "auto\n"
    assert charly("settings", "set", "vm.backend", "qemu").status == 0
    assert charly("settings", "get", "vm.backend").stdout == "qemu\n"
    [backend] = [
        one
        for one in json.loads(charly("settings", "list", "--json").stdout)
        if one["key"] == "vm.backend"
    ]
    assert backend["value"] == "qemu"
    assert backend["from"] == str(charly.directory / "config" / "charly" / "settings.yml")
    assert backend["environment"] == "CHARLY_VM_BACKEND"
    assert charly("settings", "unset", "vm.backend").status == 0
    again = charly("settings", "unset", "vm.backend")
    assert (again.status, again.stderr) == (0, "vm.backend was not set\n")


def test_the_list_shows_where_each_value_comes_from(charly: Charly) -> None:
    charly("settings", "set", "engine.rootful", "none")
    charly.environment["CHARLY_VM_BACKEND"] = "qemu"
    lines = charly("settings", "list").stdout.splitlines()
    assert lines[0].split()[:3] == ["KEY", "VALUE", "FROM"]
    shown = {line.split()[0]: line.split()[1:3] for line in lines[1:]}
    assert shown["vm.backend"] == ["qemu", "environment"]
    assert shown["engine.rootful"][0] == "none"
    assert shown["engine.rootful"][1].endswith("/settings.yml")
    assert shown["console.detach_key"] == ["^]", "default"]


def test_a_value_that_the_environment_hides_is_set_and_said_to_be_hidden(charly: Charly) -> None:
    charly.environment["CHARLY_VM_BACKEND"] = "qemu"
    done = charly("settings", "set", "vm.backend", "auto")
    assert done.status == 0
    assert done.stderr == (
        "vm.backend is qemu all the same, by CHARLY_VM_BACKEND of the environment\n"
    )


def test_mistakes_are_one_message_each(charly: Charly) -> None:
    for words, message in (
        (("set", "vm.backen", "qemu"), "did you mean 'vm.backend'?"),
        (("set", "vm.backend", "xen"), "known are auto, libvirt, qemu"),
        (("get", "nothing"), "known are vm.backend"),
    ):
        done = charly("settings", *words)
        assert done.status == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_the_setting_decides_on_the_backend(charly: Charly) -> None:
    file = charly.directory / "charly.yml"
    file.write_text("shape:\n  vm: {source: {kind: bootstrap}}\n")
    charly("settings", "set", "vm.backend", "qemu")
    shown = json.loads(charly("vm", "show", "shape", "--json").stdout)
    assert shown["machine"]["backend"] == "qemu"
    assert shown["machine"]["backend_reason"] == ""
