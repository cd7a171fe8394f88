"""The variants of a bed: how they are called, and what each changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from charly_vm.errors import SpecError
from charly_vm.model.project import Target, load_project
from charly_vm.model.source import CloudImage, Source
from charly_vm.model.variants import apply_variant, image_variant, variants_of


def read(directory: Path, matrix: str) -> Target:
    file = directory / "charly.yml"
    file.write_text(
        "e: {vm: {source: {kind: bootstrap}, ram: 2G}}\n"
        f"check-x: {{vm: {{from: e, disposable: true, matrix: {matrix}}}}}\n"
    )
    return load_project(file, host=directory / "none").target("check-x")


def names(target: Target) -> list[str]:
    assert target.deploy
    return [one.name for one in variants_of(target.deploy)]


def replace_source(source: Source, text: str) -> Source:
    return CloudImage(kind="cloud_image", url=f"file://{text}")


def test_each_combination_is_a_variant(tmp_path: Path) -> None:
    assert names(read(tmp_path, "{}")) == []
    assert names(read(tmp_path, "{firmware: [bios, uefi-insecure], cpus: [1, 2]}")) == [
        "bios-1", "bios-2", "uefi-insecure-1", "uefi-insecure-2",
    ]  # fmt: skip


def test_an_image_has_the_name_that_it_is_given_or_that_of_its_file(tmp_path: Path) -> None:
    images = "{image: [f43=a/b.qcow2, 'https://images.example/deb-13.qcow2', my image.raw]}"
    target = read(tmp_path, images)
    assert names(target) == ["f43", "deb-13", "my-image.raw"]
    # A path is meant from the file that it stands in.
    assert target.deploy
    assert [one.settings["image"] for one in variants_of(target.deploy)] == [
        f"{tmp_path}/a/b.qcow2",
        "https://images.example/deb-13.qcow2",
        f"{tmp_path}/my image.raw",
    ]


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        ("{image: [/a/x.qcow2, /b/x.qcow2]}", "two variants are called x; name images"),
        ("{colour: [red]}", "matrix: colour cannot vary; what can: image, ram"),
    ],
)
def test_what_cannot_be_a_variant_is_refused_at_its_place(
    tmp_path: Path, matrix: str, said: str
) -> None:
    with pytest.raises(SpecError, match=said) as raised:
        names(read(tmp_path, matrix))
    assert f"{tmp_path}/charly.yml:2" in str(raised.value)


def test_a_variant_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    target = read(tmp_path, "{image: [f43=/f43.qcow2], ram: [3G], firmware: [uefi-insecure]}")
    assert target.deploy
    [variant] = variants_of(target.deploy)
    changed = apply_variant(target, variant, replace_source)
    assert changed.domain == "charly-check-x-f43-3G-uefi-insecure"
    assert isinstance(changed.entity.source, CloudImage)
    assert changed.entity.source.url == "file:///f43.qcow2"
    assert changed.entity.firmware == "uefi-insecure"
    assert changed.deploy
    assert changed.deploy.deploy.ram == 3 * 1024**3
    assert changed.entity.ram == target.entity.ram
    assert changed.entity_name == "e-f43-3G-uefi-insecure"
    assert target.entity.firmware == "bios"


def test_a_value_is_checked_as_in_a_file(tmp_path: Path) -> None:
    target = read(tmp_path, "{ram: [much]}")
    assert target.deploy
    [variant] = variants_of(target.deploy)
    with pytest.raises(SpecError, match="check-x: matrix: ram cannot be 'much'"):
        apply_variant(target, variant, replace_source)


def test_an_image_on_the_command_line_has_a_name() -> None:
    found = image_variant("f43=https://images.example/a=b.qcow2")
    assert found
    assert (found.name, found.settings) == ("f43", {"image": "https://images.example/a=b.qcow2"})
    assert image_variant("/a/b.qcow2") is None
