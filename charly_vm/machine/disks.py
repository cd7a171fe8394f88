"""The disk that an entity stands for: which room builds it, and where the project finds it."""

from __future__ import annotations

import platform
from pathlib import Path

from charly_vm.disk.store import Image, Store
from charly_vm.errors import CharlyError
from charly_vm.host.files import explain_os_errors, make_ignored_directory
from charly_vm.host.paths import images_directory
from charly_vm.host.progress import Progress
from charly_vm.model.project import Target
from charly_vm.model.source import Bootstrap, CloudImage


def image_store() -> Store:
    return Store(images_directory())


def build_disk(target: Target, project: Path, progress: Progress) -> Image:
    """The base image of an entity, built or fetched where it is not in the store yet."""
    source, store = target.entity.source, image_store()
    with progress.phase(f"disk of {target.entity_name}"):
        match source:
            case CloudImage():
                from charly_vm.disk.cloud_image import fetch_cloud_image

                image = fetch_cloud_image(source, store, progress)
            case Bootstrap():
                from charly_vm.disk.bootstrap import bootstrap_image

                image = bootstrap_image(
                    source, architecture=platform.machine(), store=store, progress=progress
                )
    _link_output(image, project, target.entity_name, progress)
    return image


def output_link(project: Path, entity: str) -> Path:
    """Where people find the disk of an entity."""
    return project.parent / "output" / "qcow2" / entity / "disk.qcow2"


def _link_output(image: Image, project: Path, entity: str, progress: Progress) -> None:
    """Make the link; a project in a directory that cannot be written works without."""
    link = output_link(project, entity)
    try:
        with explain_os_errors(f"write {link}"):
            make_ignored_directory(project.parent / "output")
            link.parent.mkdir(parents=True, exist_ok=True)
            temporary = link.with_name(f".disk.{image.digest[:12]}.qcow2")
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(image.path)
            temporary.replace(link)
    except CharlyError as error:
        progress.note(f"no link to the disk: {error.message}")
