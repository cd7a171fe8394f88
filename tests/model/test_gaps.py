"""A bed that asks for what is not carried out is refused, and not green without it."""

from __future__ import annotations

from typing import Any

import pytest

from charly_vm.errors import SpecError
from charly_vm.model.deploy import Deploy, DeployNode
from charly_vm.model.gaps import require_carried_out


def node(**written: Any) -> DeployNode:
    deploy = Deploy.model_validate({"from": "shape", "disposable": True, **written})
    return DeployNode("check-it", deploy, (), "charly.yml", 7)


@pytest.mark.parametrize(
    "written",
    [
        {"add_candy": ["tools"]},
        {"from_snapshot": "clean"},
        {"cloud_init_clean": True},
        {"fresh": "template"},
        {"fresh": "build"},
    ],
    ids=lambda written: next(iter(written)),
)
def test_what_is_not_carried_out_is_named(written: dict[str, Any]) -> None:
    with pytest.raises(SpecError) as caught:
        require_carried_out(node(**written))
    assert next(iter(written)) in str(caught.value)
    assert "charly.yml:7" in str(caught.value)


def test_what_is_carried_out_is_no_gap() -> None:
    require_carried_out(node(ram="1G", timeout="2m", fresh="boot", description="plain"))
    require_carried_out(node(requires_exclusive=["nvidia-gpu"], requires_amount={"cpus": 2}))
