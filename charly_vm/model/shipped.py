"""What every project knows without saying it; any file may say something else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from charly_vm.model.document import Document, parse_document
from charly_vm.model.resource import HostResource

PLACE = Path("(shipped with charly)")

TEXT = """\
nvidia-gpu:
  resource: {gpu: {vendor: "0x10de"}}
amd-gpu:
  resource: {gpu: {vendor: "0x1002"}}
intel-gpu:
  resource: {gpu: {vendor: "0x8086"}}
ram:
  resource: {}
cpus:
  resource: {}
"""


@cache
def shipped_document() -> Document:
    return parse_document(PLACE, TEXT)


@cache
def shipped_resources() -> Mapping[str, HostResource]:
    """What stands behind them."""
    data: Any = shipped_document().data
    return {name: HostResource.model_validate(node["resource"]) for name, node in data.items()}


def shipped_tokens() -> frozenset[str]:
    """The resources that are known everywhere."""
    data = shipped_document().data
    assert isinstance(data, dict)
    return frozenset(data)
