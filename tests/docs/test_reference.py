"""The pages of docs/reference: they say what the models, docstrings and options say now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest

from charly_vm.model.base import Model
from charly_vm.model.entity import VmEntity
from charly_vm.model.network import Network
from make_reference.pages import REFERENCE, render_pages
from make_reference.sections import Page


@pytest.fixture(scope="module")
def pages() -> Mapping[str, str]:
    return render_pages()


def models(base: type[Model] = Model) -> Iterator[type[Model]]:
    for model in base.__subclasses__():
        yield model
        yield from models(model)


def test_the_pages_are_current(pages: Mapping[str, str]) -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in REFERENCE.iterdir()}
    stale = [name for name in {*pages, *kept} if pages.get(name) != kept.get(name)]
    assert not stale, f"docs/reference is not current ({', '.join(sorted(stale))}): run `make docs`"


def test_every_key_that_an_author_can_write_is_there(pages: Mapping[str, str]) -> None:
    whole = "\n".join(pages.values())
    found = set(re.findall(r"^\| `([^`]+)` \|", whole, re.MULTILINE))
    # The only key of a small mapping stands in the form of the key around it.
    found |= set(re.findall(r"`\{([a-z]+): …\}`", whole))
    written = [model for model in models() if model.__module__.startswith("charly_vm.model")]
    assert len(written) > 150
    missing = [
        f"{model.__name__}.{key}"
        for model in written
        for key in model.known_keys()
        if key not in found
    ]
    assert missing == []


@pytest.mark.parametrize(
    "row",
    [
        "| `disk_size` | size, `8G` | |",
        "| `ram` | size, `8G` | `4G` |",
        "| `port_forwards` | list of port forwards, `8080:80` | |",
        "| `machine` | `q35`, `virt`, `i440fx` or `pc` | |",
        "| `from` | text | required |",
        "| `exit_status` | [matcher](#matchers) | `0` |",
        "Also spelt `tags`. |",
        "| `target` | [target](#libvirt-devices-disks-target), or its `dev` alone |",
        "| `mtu` | number from 68 to 65535; or `{size: …}` |",
        "| `--charly-keep never\\|failed\\|always` |",
    ],
)
def test_a_row_has_form_and_default(row: str, pages: Mapping[str, str]) -> None:
    assert any(row in text for text in pages.values())


def test_a_section_says_which_task_page_explains_it(pages: Mapping[str, str]) -> None:
    section = pages["charly-yml.md"].partition("\n### vm: snapshot\n")[2].partition("\n#")[0]
    assert "See [Snapshots](../machines.md#snapshots)" in section


def test_what_is_not_carried_out_says_so(pages: Mapping[str, str]) -> None:
    deploy = pages["charly-yml.md"].partition("\n## Deploy\n")[2].partition("\n#")[0]
    row = next(line for line in deploy.splitlines() if line.startswith("| `cloud_init_clean`"))
    assert "This version does not carry it out" in row


def test_two_sections_with_one_anchor_are_refused() -> None:
    page = Page("page.md", {})
    page.add(VmEntity, ("vm",), "VM entity")
    with pytest.raises(ValueError, match="two sections #vm-network"):
        page.add(Network, ("vm", "network"), "vm: network")
