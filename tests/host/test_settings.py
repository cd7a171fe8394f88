"""Settings: who wins, what is refused, and what the file looks like."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from charly_vm.errors import HostError, SpecError
from charly_vm.host.settings import (
    SETTINGS,
    find_value,
    remove_setting,
    settings_file,
    write_setting,
)


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for setting in SETTINGS.values():
        monkeypatch.delenv(setting.variable, raising=False)


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = find_value("vm.backend")
    assert (found.text, found.origin) == ("auto", "default")
    write_setting("vm.backend", "libvirt")
    found = find_value("vm.backend")
    assert (found.text, found.origin) == ("libvirt", str(settings_file()))
    monkeypatch.setenv("CHARLY_VM_BACKEND", "qemu")
    found = find_value("vm.backend")
    assert (found.text, found.origin) == ("qemu", "environment")
    found = find_value("vm.backend", flag="auto")
    assert (found.text, found.origin) == ("auto", "flag")


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLY_VM_BACKEND", "")
    assert find_value("vm.backend").origin == "default"


@pytest.mark.parametrize("key", SETTINGS)
def test_every_default_is_a_value_that_may_be_set(key: str) -> None:
    default = SETTINGS[key].default
    write_setting(key, default)
    assert find_value(key).text == default
    assert SETTINGS[key].variable.startswith("CHARLY_")


def test_an_unknown_key_names_the_nearest() -> None:
    for act in (find_value, remove_setting, lambda key: write_setting(key, "x")):
        with pytest.raises(SpecError, match=r"'vm\.backen'; did you mean 'vm\.backend'\?"):
            act("vm.backen")
    with pytest.raises(SpecError, match=r"known are vm\.backend, "):
        find_value("zzz")


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("vm.backend", "xen", "known are auto, libvirt, qemu"),
        ("vm.backend", "", "known are"),
        ("engine.rootful", "yes", "known are auto, sudo, machine, none"),
        ("console.detach_key", "q", "control key"),
    ],
)
def test_a_value_without_meaning_is_refused_and_nothing_is_written(
    key: str, value: str, why: str
) -> None:
    with pytest.raises(SpecError, match=why):
        write_setting(key, value)
    assert not settings_file().exists()


def test_a_variable_without_meaning_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLY_VM_BACKEND", "xen")
    with pytest.raises(HostError, match=r"CHARLY_VM_BACKEND is 'xen', which is not known"):
        find_value("vm.backend")


def test_what_is_set_can_be_unset_and_the_rest_stays() -> None:
    write_setting("vm.backend", "qemu")
    write_setting("engine.rootful", "sudo")
    assert remove_setting("vm.backend")
    assert not remove_setting("vm.backend")
    assert find_value("vm.backend").origin == "default"
    assert find_value("engine.rootful").text == "sudo"
    assert settings_file().stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["vm:\n  backend: qemu\n", "vm.backend: qemu\n", "# mine\nvm: {backend: 'qemu'}\n"]
)
def test_a_file_written_by_hand_may_be_nested_or_flat(text: str) -> None:
    settings_file().write_text(text)
    assert find_value("vm.backend").text == "qemu"
    write_setting("engine.rootful", "none")
    assert find_value("vm.backend").text == "qemu"


def test_words_that_yaml_takes_for_something_else_stay_words() -> None:
    settings_file().write_text("engine: {rootful: none}\nlibvirt: {pool: 0644}\n")
    assert find_value("engine.rootful").text == "none"
    assert find_value("libvirt.pool").text == "0644"


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("vm:\n  backen: qemu\n", "2:3", "unknown setting 'vm.backen'"),
        ("vm:\n  backend: xen\n", "2:3", "vm.backend: 'xen' is not known"),
        ("vm:\n  backend: [qemu]\n", "2:3", "has to be text"),
        ("- vm\n", "1:1", "has to be a mapping"),
        ("vm: {backend: qemu}\nvm.backend: auto\n", "2:1", "is there twice"),
        ("vm: {\n", "2:1", "is no YAML"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_place(text: str, place: str, why: str) -> None:
    settings_file().write_text(text)
    with pytest.raises(SpecError, match=re.escape(f"{settings_file()}:{place}: ")) as caught:
        find_value("engine.rootful")
    assert why in str(caught.value)


def test_all_that_is_wrong_in_the_file_is_said_at_once() -> None:
    settings_file().write_text("a: x\nvm: {backend: y}\n")
    with pytest.raises(SpecError) as caught:
        find_value("vm.backend")
    assert len(caught.value.problems) == 2


def test_a_key_that_is_not_known_any_more_can_be_unset() -> None:
    settings_file().write_text("old: {key: x}\nvm: {backend: qemu}\n")
    assert remove_setting("old.key")
    assert find_value("vm.backend").text == "qemu"


def test_many_who_set_at_once_lose_nothing() -> None:
    values = {"vm.backend": "qemu", "engine.rootful": "none", "libvirt.pool": "p"}
    threads = [threading.Thread(target=write_setting, args=pair) for pair in values.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key: find_value(key).text for key in values} == values
