"""What a project's container images are called, and who names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from charly_vm.errors import SpecError
from charly_vm.model.project import load_project
from charly_vm.model.source import Bootstrap

REGISTRY = "{registry: r.example, tag: auto}"

DISK = """\
disk: {{vm: {{source: {{kind: bootstrap, builder_image: {image}}}}}}}
builder: {{candy: {{base: debian, bootc: false{more}}}}}
"""


def builder_of(directory: Path, image: str, *, top: str = "", more: str = "") -> str | None:
    file = directory / "charly.yml"
    file.write_text(top + DISK.format(image=image, more=more))
    source = load_project(file).entities["disk"].vm.source
    assert isinstance(source, Bootstrap)
    return source.builder_image


@pytest.mark.parametrize(
    ("image", "top", "more", "reference"),
    [
        ("builder", "", "", "builder:latest"),
        ("builder", "defaults: {registry: r.example/us/}\n", "", "r.example/us/builder:latest"),
        ("builder", f"defaults: {REGISTRY}\n", ", tag: '7'", "r.example/builder:7"),
        ("builder", "defaults: {registry: r.example, tag: '6'}\n", "", "r.example/builder:6"),
        ("localhost/builder:2", "defaults: {registry: r.example}\n", "", "localhost/builder:2"),
        ("other", "defaults: {registry: r.example}\n", "", "other"),
    ],
)  # fmt: skip
def test_an_image_of_the_project_has_a_reference(
    tmp_path: Path, image: str, top: str, more: str, reference: str
) -> None:
    assert builder_of(tmp_path, image, top=top, more=more) == reference


def test_an_image_of_another_project_has_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "other.yml").write_text("builder: {candy: {base: debian}}\n")
    top = "import: [{them: other.yml}]\ndefaults: {registry: r.example}\n"
    assert builder_of(tmp_path, "them.builder", top=top) == "r.example/builder:latest"


def test_an_option_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="container image"):
        builder_of(tmp_path, "--privileged")
