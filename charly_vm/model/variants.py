"""One bed over several images or settings: variants of a deploy, and what each changes. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from charly_vm.errors import Problem, SpecError
from charly_vm.model.deploy import DeployNode
from charly_vm.model.project import Target
from charly_vm.model.source import Source

IMAGE = "image"
"""The key whose values are images: a path or a URL, with a name in front of it: `f43=f43.qcow2`."""

OF_THE_DEPLOY = ("ram", "cpus", "disk_size", "timeout")
OF_THE_ENTITY = ("firmware", "machine", "backend", "arch")
KEYS = (IMAGE, *OF_THE_DEPLOY, *OF_THE_ENTITY)

_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)=(?P<value>.+)")

ReplaceSource = Callable[[Source, str], Source]
"""From a source and a path or URL to what takes its place."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run a bed. Its machine is an instance of this name."""

    name: str
    settings: Mapping[str, Any]


def variants_of(node: DeployNode, images: Sequence[Variant] = ()) -> list[Variant]:
    """Each combination of the values of a deploy's `matrix`; none where it has none. `images` come
    in place of the matrix's own.

    Raises `SpecError` for a key that no variant can set, and for two that have one name.
    """
    matrix = node.deploy.matrix
    if unknown := [key for key in matrix if key not in KEYS]:
        text = f"matrix: {', '.join(unknown)} cannot vary; what can: {', '.join(KEYS)}"
        raise SpecError([Problem(node.file, node.line, 1, f"{node.name}: {text}")])
    here = Path(node.file).parent
    rows = {key: [_value(key, one, here) for one in values] for key, values in matrix.items()}
    if images:
        rows[IMAGE] = [(image.name, image.settings[IMAGE]) for image in images]
    if not rows:
        return []
    made = [
        Variant(
            "-".join(name for name, _ in row),
            {key: value for key, (_, value) in zip(rows, row, strict=True)},
        )
        for row in itertools.product(*rows.values())
    ]
    names = [one.name for one in made]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        text = f"matrix: two variants are called {', '.join(twice)}; name images as NAME=PATH"
        raise SpecError([Problem(node.file, node.line, 1, f"{node.name}: {text}")])
    return made


def image_variant(text: str) -> Variant | None:
    """The variant that `NAME=PATH|URL` means; None where it is not of that form."""
    found = _NAMED.fullmatch(text)
    return Variant(found["name"], {IMAGE: found["value"]}) if found else None


def apply_variant(target: Target, variant: Variant, replace_source: ReplaceSource) -> Target:
    """The target as a variant wants it; raises `SpecError` for what a key cannot be."""
    deploy, entity = target.deploy, target.node.vm
    assert deploy is not None
    for key, value in variant.settings.items():
        if key == IMAGE:
            entity = entity.model_copy(update={"source": replace_source(entity.source, value)})
        elif key in OF_THE_DEPLOY:
            changed = _changed(deploy.deploy, key, value, deploy)
            deploy = replace(deploy, deploy=changed)
        else:
            entity = _changed(entity, key, value, deploy)
    node = replace(target.node, name=f"{target.node.name}-{variant.name}", vm=entity)
    return replace(target, instance=variant.name, node=node, deploy=deploy)


def _value(key: str, written: Any, here: Path) -> tuple[str, Any]:
    """The name of a value, which becomes a part of the machine's, and the value itself. A path is
    meant from the file that it stands in."""
    if key != IMAGE:
        return _as_name(str(written)), written
    text = str(written)
    named = image_variant(text)
    image = named.settings[IMAGE] if named else text
    name = named.name if named else _as_name(text.rpartition("/")[2].removesuffix(".qcow2"))
    return name, image if "://" in image else str(here / Path(image).expanduser())


def _as_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-._")


def _changed(model: Any, key: str, value: Any, place: DeployNode) -> Any:
    """A copy of a deploy or an entity with another value of one field, checked as in a file."""
    field = type(model).model_fields[key]
    kind: Any = field.annotation
    for more in field.metadata:
        kind = Annotated[kind, more]
    try:
        checked: Any = TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        text = f"matrix: {key} cannot be {value!r}: {error.errors()[0]['msg']}"
        raise SpecError([Problem(place.file, place.line, 1, f"{place.name}: {text}")]) from error
    return model.model_copy(update={key: checked})
