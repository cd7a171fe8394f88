"""The machines of a bed: one, or one for each of its variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from charly_vm.machine.disks import replace_source
from charly_vm.model.deploy import DeployNode
from charly_vm.model.project import Project, Target
from charly_vm.model.variants import Variant, apply_variant, variants_of


def targets_of(project: Project, node: DeployNode, images: Sequence[Variant] = ()) -> list[Target]:
    """What a bed is to run as. `images` come in place of those of its `matrix`.

    Raises `SpecError` for a matrix that makes no sense and `HostError` for an image that is not
    there.
    """
    target = project.target(node.name)
    variants = variants_of(node, images)
    return [apply_variant(target, one, replace_source) for one in variants] or [target]


def with_images(project: Project, images: Mapping[str, str]) -> Project:
    """The project with other sources, by the names of entities: a path or a URL each."""
    entities = dict(project.entities)
    for name, image in images.items():
        entity = entities[name].vm
        source = replace_source(entity.source, image)
        entities[name] = replace(entities[name], vm=entity.model_copy(update={"source": source}))
    return replace(project, entities=entities)
