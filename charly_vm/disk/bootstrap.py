"""A disk built from a distribution's packages, by root or an ordinary user alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from charly_vm.disk import bootable
from charly_vm.disk.bootable import disk_size, layout, make_bootable_disk
from charly_vm.disk.builder_image import Builder, unpack_builder
from charly_vm.disk.distros.choice import list_written, locate_packages, require_recipe
from charly_vm.disk.distros.repositories import written_directory
from charly_vm.disk.distros.tree_recipe import (
    FILES_VARIABLE,
    LOADERS_VARIABLE,
    TREE_VARIABLE,
    TreeRecipe,
)
from charly_vm.disk.emulation import emulated
from charly_vm.disk.room import require_room
from charly_vm.disk.sandbox import remove_tree, require_sandbox, sandboxed
from charly_vm.disk.store import Image, Recipe, Store
from charly_vm.errors import HostError
from charly_vm.host.files import explain_os_errors
from charly_vm.host.process import find_tool, run
from charly_vm.host.progress import Progress
from charly_vm.model.source import Bootstrap

BOOTSTRAP_TIMEOUT = 3600.0
"""On a slow network; at hand it takes 40 s, and ten times that for another architecture."""

ROOM_NEEDED = 3 * 1024**3
"""The tree, the raw disk and the qcow2 lie side by side for a moment, each half a GiB or more."""

_PROGRAMS = {
    "setpriv": "util-linux",
    "unshare": "util-linux",
}


def bootstrap_image(
    source: Bootstrap,
    *,
    architecture: str,
    store: Store,
    progress: Progress,
    root_size: int = 0,
    refresh: bool = False,
    show_output: bool = False,
) -> Image:
    """The disk of a source, built where the store does not have it yet, or anew with `refresh`.

    `root_size` (bytes) caps the root partition. With `show_output` the builder's own words go to
    standard error while it works.

    `architecture` is as `uname -m` says it. Raises `HostError` with all that the host lacks, and
    `LaunchError` with the tool's own words where a step fails.
    """
    made = require_recipe(source, architecture, root_size=root_size)
    image = source.builder_image
    # What an image says of packages is known when it is here; like the packages, it may change
    # without the disk being built again.
    made = made if image else locate_packages(made)
    by_image = ("builder_image", image, *list_written(made)) if image else ()
    recipe = Recipe(
        f"{source.distro} by {made.builder}",
        ("bootstrap", *made.ingredients, layout(architecture, made.file_system), *by_image),
    )

    def build(workspace: Path) -> Path:
        require_programs(made, architecture, of_builder=not image)
        require_sandbox()
        require_room(workspace, ROOM_NEEDED, what="building a disk")
        builder = unpack_builder(image, workspace, progress, refresh=refresh) if image else None
        if builder is not None:
            builder.require_programs(made.programs)
        with progress.phase(f"installing the packages of {source.distro}"):
            tree, loaders = _make_tree(
                made, architecture, workspace, builder, show_output=show_output
            )
        if builder is not None:
            remove_tree(builder.root)
        with progress.phase(f"making the disk of {source.distro}"):
            disk = workspace / "disk.qcow2"
            make_bootable_disk(
                tree,
                disk,
                architecture=architecture,
                file_system=made.file_system,
                efi_config=made.efi_config,
                efi={path: loaders / source for path, source in made.efi.items()},
                size=disk_size(tree),
                workspace=workspace,
            )
        return disk

    return store.build(recipe, build, progress, refresh=refresh)


def require_programs(recipe: TreeRecipe, architecture: str, *, of_builder: bool = True) -> None:
    """Raise a `HostError` that names every missing program with its package; without those
    `of_builder` where an image has them."""
    programs = {**(recipe.programs if of_builder else {}), **_PROGRAMS}
    missing = {name: package for name, package in programs.items() if find_tool(name) is None}
    missing |= bootable.find_missing(architecture, recipe.file_system)
    if missing:
        packages = dict.fromkeys(missing.values())
        raise HostError(
            f"building a disk needs programs that are not installed: {', '.join(missing)}",
            hint=f"install {', '.join(packages)}",
        )


def _make_tree(
    recipe: TreeRecipe,
    architecture: str,
    workspace: Path,
    builder: Builder | None,
    *,
    show_output: bool,
) -> tuple[Path, Path]:
    """Install the packages into a directory whose owners exist inside the sandbox only, and unpack
    those of the boot loaders into another one; with the host's own builder, or an image's."""
    argv: Sequence[str | Path] = recipe.render_argv()
    if builder is not None:
        title = f"the image {builder.reference}"
        recipe = locate_packages(recipe, host=builder.root, title=title)
        argv = builder.entered(recipe.render_argv(), shown=[written_directory()])
    files, tree, loaders = workspace / "files", workspace / "tree", workspace / "loaders"
    with explain_os_errors(f"write {files}"):
        files.mkdir()
        loaders.mkdir()
        for name, text in recipe.files.items():
            path = files / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        # Whatever our umask: the guest's services have to read them.
        for path in (files, *files.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    run(
        sandboxed(emulated(argv, architecture)),
        env={
            FILES_VARIABLE: str(files),
            TREE_VARIABLE: str(tree),
            LOADERS_VARIABLE: str(loaders),
            "TMPDIR": str(workspace),
            "LC_ALL": "C.UTF-8",
        },
        what=f"installing the packages of {recipe.title}",
        timeout=BOOTSTRAP_TIMEOUT,
        show_stderr=show_output,
    )
    return tree, loaders
