"""What the project's container images are called in a registry. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from charly_vm.model.candy import ImageNode
from charly_vm.model.entity import EntityNode
from charly_vm.model.source import Bootstrap

AUTO = "auto"
"""The tag that is `latest`."""


def render_reference(
    name: str, images: Mapping[str, ImageNode], defaults: Mapping[str, Any]
) -> str:
    """The reference of one of the project's images, `REGISTRY/NAME:TAG` with the registry of its
    `defaults`; whatever else is named is a reference already."""
    node = images.get(name)
    if node is None:
        return name
    tag = node.image.get("tag") or defaults.get("tag") or AUTO
    # Behind the alias under which another project is imported.
    own = name.rpartition(".")[2]
    registry = str(defaults.get("registry") or "").rstrip("/")
    place = f"{registry}/{own}" if registry else own
    return f"{place}:{'latest' if tag == AUTO else tag}"


def with_builder_references(
    entities: Mapping[str, EntityNode],
    images: Mapping[str, ImageNode],
    defaults: Mapping[str, Any],
) -> dict[str, EntityNode]:
    """Entities whose `builder_image` is a reference, also where they name one of the images."""
    return {name: _with_reference(node, images, defaults) for name, node in entities.items()}


def _with_reference(
    node: EntityNode, images: Mapping[str, ImageNode], defaults: Mapping[str, Any]
) -> EntityNode:
    source = node.vm.source
    if not isinstance(source, Bootstrap) or source.builder_image is None:
        return node
    reference = render_reference(source.builder_image, images, defaults)
    named = source.model_copy(update={"builder_image": reference})
    return dataclasses.replace(node, vm=node.vm.model_copy(update={"source": named}))
