"""What every project knows without saying it; any file may say something else."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from charly_vm.model.document import Document, parse_document

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


def shipped_tokens() -> frozenset[str]:
    """The resources that are known everywhere."""
    data = shipped_document().data
    assert isinstance(data, dict)
    return frozenset(data)
