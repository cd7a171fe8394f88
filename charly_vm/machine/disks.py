"""The disk that an entity stands for: which room builds it, and where the project finds it."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charly_vm.disk.qcow2 import convert_to_raw, enlarge_copy
from charly_vm.disk.store import Image, Recipe, Store
from charly_vm.errors import CharlyError, HostError, StateError
from charly_vm.host.amounts import format_size
from charly_vm.host.files import explain_os_errors, make_ignored_directory, write_atomically
from charly_vm.host.paths import images_directory
from charly_vm.host.progress import Progress
from charly_vm.model.project import Target
from charly_vm.model.source import Bootstrap, CloudImage, ImageFile, Source


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What a command line says about one build; the file says the rest."""

    size: int | None = None
    """Bytes that the guest sees."""
    source: str = ""
    """A path or a URL of an image that replaces the entity's own source."""
    refresh: bool = False
    """Make it anew although nothing that determines it has changed. A cloud image is determined by
    its checksum, so nothing about it can be new."""
    root_size: int | None = None
    """Bytes beyond which the root partition does not grow."""
    show_output: bool = False
    """Show what the builder says while it works."""

    @property
    def words(self) -> str:
        """The choices that a later `create` has to keep to, as typed."""
        words = {
            "--size": self.size and format_size(self.size),
            "--root-size": self.root_size and format_size(self.root_size),
            "--source": self.source,
        }
        return " ".join(f"{option} {value}" for option, value in words.items() if value)


def image_store() -> Store:
    return Store(images_directory())


def build_disk(
    target: Target,
    project: Path,
    progress: Progress,
    options: BuildOptions | None = None,
) -> Image:
    """The base image of an entity, built or fetched where it is not in the store yet.

    Also makes the link by which people find it. What `options` choose is used by the machines that
    are created afterwards, until somebody builds with others; without any, nobody has asked for a
    build, and an earlier choice stays.
    """
    asked = options is not None
    options = options or BuildOptions()
    source = target.entity.source
    if options.source:
        source = replace_source(source, options.source)
    with progress.phase(f"disk of {target.entity_name}"):
        architecture = target.entity.arch or platform.machine()
        image = _build(source, architecture, progress, options)
        if options.size:
            image = _enlarged(image, options.size, progress)
    _link_output(image, target, project, progress)
    if asked:
        _keep_choice(image, target, project, options)
    return image


def _build(source: Source, architecture: str, progress: Progress, options: BuildOptions) -> Image:
    store = image_store()
    match source:
        case CloudImage():
            from charly_vm.disk.cloud_image import fetch_cloud_image, is_kept_by_name

            if options.refresh and not is_kept_by_name(source):
                progress.note(
                    f"{source.url} is what its checksum says: fetched again where that changes"
                )
            return fetch_cloud_image(source, store, progress, refresh=options.refresh)
        case Bootstrap():
            from charly_vm.disk.bootstrap import bootstrap_image

            return bootstrap_image(
                source,
                architecture=architecture,
                store=store,
                progress=progress,
                root_size=options.root_size or 0,
                refresh=options.refresh,
                show_output=options.show_output,
            )
        case _:
            raise HostError(
                f"disks of kind {source.kind} are not built by this version of charly",
                hint="use `kind: cloud_image` with the URL or path of a disk that is built already",
            )


def _enlarged(image: Image, size: int, progress: Progress) -> Image:
    """A copy of an image in which the guest sees `size` bytes."""
    if size == image.virtual_size:
        return image
    recipe = Recipe(f"a disk of {format_size(size)}", ("enlarged", image.digest, str(size)))

    def build(workspace: Path) -> Path:
        return enlarge_copy(image.path, workspace / "disk.qcow2", size)

    return image_store().build(recipe, build, progress)


def replace_source(source: Source, text: str) -> CloudImage:
    """The image at a path or a URL, in place of an entity's own source.

    Its account stays the one that the entity's source names. Raises `HostError` for a file that
    cannot be read.
    """
    base_user = source.base_user if isinstance(source, CloudImage) else None
    written: dict[str, Any] = {"kind": "cloud_image", "url": text, "base_user": base_user}
    if "://" in text:
        return CloudImage.model_validate(written)
    path = Path(text).expanduser().absolute()
    with explain_os_errors(f"read the image {path}"), path.open("rb"):
        return ImageFile.model_validate({**written, "url": path.as_uri()})


def find_chosen_disk(target: Target, project: Path) -> tuple[Path, str] | None:
    """The disk of the last build, where it was told something that the file does not say.

    With the words it was told. None where the entity's source has changed since, or the image is
    gone: then what the file says counts again.
    """
    try:
        choice = json.loads(_choice_file(project, target.entity_name).read_text())
        image = Path(choice["image"])
        current = choice["source"] == _written(target)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (image, choice["words"]) if current and image.is_file() else None


def output_file(project: Path, entity: str, type_: str = "qcow2") -> Path:
    """Where people find the disk of an entity."""
    return project.parent / "output" / type_ / entity / f"disk.{type_}"


def export_raw(image: Image, project: Path, entity: str, progress: Progress) -> Path:
    """Write the disk as a raw file, sparse, to the project's output; machines do not use it."""
    path = output_file(project, entity, "raw")
    with explain_os_errors(f"write {path}"):
        make_ignored_directory(project.parent / "output")
        path.parent.mkdir(parents=True, exist_ok=True)
    with progress.phase(f"writing {path.name} of {entity}"):
        convert_to_raw(image.path, path)
    return path


def _link_output(image: Image, target: Target, project: Path, progress: Progress) -> None:
    """Make the link; a project in a directory that cannot be written works without."""
    link = output_file(project, target.entity_name)
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


def _keep_choice(image: Image, target: Target, project: Path, options: BuildOptions) -> None:
    """Write what `find_chosen_disk` reads, or forget an earlier choice."""
    choice = _choice_file(project, target.entity_name)
    if not options.words:
        if choice.exists():
            with explain_os_errors(f"remove {choice}"):
                choice.unlink(missing_ok=True)
        return
    text = {"image": str(image.path), "words": options.words, "source": _written(target)}
    try:
        write_atomically(choice, json.dumps(text, indent=2) + "\n")
    except CharlyError as error:
        raise HostError(
            f"the disk is built, but `vm create` cannot learn of {options.words}: {error.message}",
            hint=error.hint,
        ) from error


def _choice_file(project: Path, entity: str) -> Path:
    return output_file(project, entity).with_name("build.json")


def _written(target: Target) -> Any:
    return target.entity.source.model_dump(mode="json")


def require_meaning(kind: str, given: dict[str, bool]) -> None:
    """Raise `StateError` for an option of `vm build` that a source of this kind has no use for.

    `given` says for each of them whether it was used.
    """
    meanings = {
        "--root-size": ("bootc", "bootstrap"),
        "--console": ("bootc", "bootstrap"),
        "--transport": ("bootc",),
    }
    for option, kinds in meanings.items():
        if given.get(option) and kind not in kinds:
            raise StateError(
                f"{option} has no meaning for a disk of kind {kind}"
                + (", which is what --source gives" if given.get("--source") else ""),
                hint=f"it is for {' and '.join(kinds)}",
            )
