"""The keys at the top of a file that are no nodes: what else to read, and defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from charly_vm.model.base import Model, show
from charly_vm.model.document import KeyPath
from charly_vm.model.kinds import DIRECTIVES
from charly_vm.model.quantities import Flag
from charly_vm.model.readers.findings import Findings

ALIAS = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,30}[A-Za-z0-9])?"
"""Becomes the first part of names, and a dot separates it."""

Reference = Annotated[str, Field(min_length=1)]
Kept = Annotated[Any, WithJsonSchema({})]


class Discover(Model):
    """A folder whose `charly.yml` is read too, and those of its subfolders. Hidden folders are left
    out."""

    path: Reference
    """The folder, from this file's on."""
    recursive: Flag = False
    """Go on into subfolders of subfolders."""


class Directives(Model):
    """The keys of a file that are no nodes. `version` is that of the language, of which there is
    one."""

    version: str | None = None
    """Such as 2026.328.1200. Kept; nothing acts on it."""
    imports: list[Any] = Field(
        default_factory=list,
        alias="import",
        json_schema_extra={
            "items": {
                "anyOf": [
                    {"type": "string", "minLength": 1},
                    {
                        "type": "object",
                        "minProperties": 1,
                        "propertyNames": {"pattern": f"^{ALIAS}$"},
                        "additionalProperties": {"type": "string", "minLength": 1},
                    },
                ]
            }
        },
    )
    """Files whose nodes join this file's, which win. An entry `{ALIAS: FILE}` has them under
    `ALIAS.` instead; one that begins with `@` names a git repository, and is not fetched."""
    discover: tuple[Discover, ...] = ()
    """Folders below which there are more files."""
    defaults: Mapping[str, Kept] = Field(default_factory=dict)
    """`registry` and `tag` of the project's container images."""
    repo: str | None = None
    """Kept; nothing acts on it."""
    provides: Kept = None
    """Kept; nothing acts on it."""
    providers: Kept = None
    """Kept; nothing acts on it."""


@dataclass(frozen=True, slots=True)
class Import:
    """One entry of `import:`. An empty alias merges the file into this one."""

    alias: str
    reference: str
    at: KeyPath

    @property
    def is_remote(self) -> bool:
        """Whether it names a repository: `@host/owner/repo/path:vTAG`."""
        return self.reference.startswith("@")


def read_directives(findings: Findings) -> Directives:
    """A document's directives, without those that are wrong."""
    data = findings.document.data
    found = Directives()
    if not isinstance(data, dict):
        return found
    for key in DIRECTIVES:
        if data.get(key) is None:
            continue
        # One by one: what is wrong with one must not hide what another one brings in.
        if one := findings.validate(Directives, {key: data[key]}, ()):
            update = {name: getattr(one, name) for name in one.model_fields_set}
            found = found.model_copy(update=update)
    return found


def read_imports(written: list[Any], findings: Findings) -> Iterator[Import]:
    """The entries of `import:`, each a reference or a mapping of aliases to references."""
    for number, item in enumerate(written):
        at: KeyPath = ("import", number)
        if isinstance(item, str) and item:
            yield Import("", item, at)
            continue
        if not isinstance(item, dict) or not item:
            findings.complain(at, f"import: is a file, or an alias with one, not {show(item)}")
            continue
        for alias, reference in item.items():
            if not re.fullmatch(ALIAS, alias):
                findings.complain((*at, alias), f"{alias!r} cannot be an alias")
            elif not isinstance(reference, str) or not reference:
                findings.complain((*at, alias), f"{alias}: is a file, not {show(reference)}")
            else:
                yield Import(alias, reference, (*at, alias))
