"""What cloud-init itself says about a seed's documents, by the JSON schemas that it publishes.

They come with the package cloud-init, so a host has them where that is installed or where the
set-up of a checkout fetched them. Without them our own models have to do.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from charly_vm.errors import HostError

VARIABLE = "CHARLY_CLOUD_INIT_SCHEMA"
"""Names the directory of the schemas; `none` does without."""

SCHEMAS = {
    "user-data": "schema-cloud-config-v1.json",
    "network-config": "schema-network-config-v2.json",
}
"""By the document. The second one came with cloud-init 24."""

_PACKAGED = (
    "/usr/lib/python3/dist-packages/cloudinit/config/schemas",
    "/usr/lib/python3.*/site-packages/cloudinit/config/schemas",
)
"""Debian's family; Fedora's and Arch's."""


def find_schemas() -> Path | None:
    """The directory with cloud-init's schemas, or None where this host has none.

    Raises `HostError` where somebody names one that is not there.
    """
    named = os.environ.get(VARIABLE)
    if named == "none":
        return None
    if named:
        if not _has_schemas(Path(named)):
            raise HostError(
                f"{VARIABLE} names {named}, where there is no {SCHEMAS['user-data']}",
                hint=f"name the directory that holds it, or unset {VARIABLE}",
            )
        return Path(named)
    fetched = Path(sys.prefix, "share", "cloud-init", "schemas")
    packaged = [path for pattern in _PACKAGED for path in Path("/").glob(pattern[1:])]
    return next(filter(_has_schemas, (fetched, *packaged)), None)


def find_violations(documents: Mapping[str, str], schemas: Path) -> list[str]:
    """What the schemas have against the documents, each in words with its place inside."""
    found = []
    for name, text in documents.items():
        file = schemas / SCHEMAS.get(name, "")
        if name in SCHEMAS and file.is_file():
            found += [f"{name}: {words}" for words in _violations(yaml.safe_load(text), file)]
    return found


def _has_schemas(directory: Path) -> bool:
    return (directory / SCHEMAS["user-data"]).is_file()


def _violations(data: Any, file: Path) -> list[str]:
    from jsonschema.exceptions import best_match

    words = []
    for error in _validator(file).iter_errors(data):
        # Of alternatives the one that comes nearest says what is wrong.
        nearest = best_match([error])
        place = ".".join(str(part) for part in nearest.absolute_path)
        words.append(f"{place}: {nearest.message}" if place else nearest.message)
    return sorted(words)


@functools.cache
def _validator(file: Path) -> Any:
    from jsonschema.validators import validator_for

    try:
        schema = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise HostError(
            f"cannot read cloud-init's schema {file}: {error}",
            hint=f"{VARIABLE}=none does without it",
        ) from error
    return validator_for(schema)(schema)
