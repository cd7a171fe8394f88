"""Writing a new bed: its nodes into a project's file, its module beside it."""

from __future__ import annotations

from pathlib import Path

import yaml

from charly_vm.check.new_bed import BOOTSTRAP, bed_name, module_name, render_module, render_nodes
from charly_vm.disk.cloud_image import hash_file
from charly_vm.errors import CharlyError, StateError
from charly_vm.host.files import explain_os_errors, write_atomically
from charly_vm.machine.disks import replace_source
from charly_vm.model.project import load_project
from charly_vm.model.source import Bootstrap, ImageFile


def write_bed(file: Path, name: str, *, image: str = "", base_user: str = "") -> Path:
    """Append a bed to `file`, which need not exist, and return the path of its new module.

    `image` is a URL or a path; without one it is a bootstrapped Debian. What stands in the file
    already stays as it is. Raises `SpecError` where the two do not go together, `StateError` where
    the module is there already, and leaves everything as it was.
    """
    module = file.with_name(module_name(name))
    if module.exists():
        raise StateError(f"{module} is there already", hint="choose another name for the bed")
    before = ""
    if file.exists():
        load_project(file)
        with explain_os_errors(f"read {file}"):
            before = file.read_text()
    nodes = render_nodes(name, _render_source(image, base_user) if image else BOOTSTRAP)
    write_atomically(file, f"{before.rstrip()}\n\n{nodes}".lstrip(), mode=None)
    try:
        load_project(file).target(bed_name(name))
        write_atomically(module, render_module(name), mode=None)
    except CharlyError:
        if before:
            write_atomically(file, before, mode=None)
        else:
            file.unlink()
        raise
    return module


def _render_source(image: str, base_user: str) -> str:
    source = replace_source(Bootstrap(kind="bootstrap"), image)
    written = source.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    if isinstance(source, ImageFile):
        # A project says which content it means.
        digest = hash_file(Path(image).expanduser())
        written["checksum"] = {"type": "sha256", "value": digest}
    written = {"kind": source.kind, **written, **({"base_user": base_user} if base_user else {})}
    return yaml.safe_dump(written, default_flow_style=True, sort_keys=False, width=10**6).strip()
