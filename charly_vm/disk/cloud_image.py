"""A distribution's cloud image: fetched, verified, and kept as a qcow2 of its own."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

from charly_vm.disk.checksums import ALGORITHMS, LISTS, SIDECARS, find_digest
from charly_vm.disk.fetch import CHUNK, fetch_file, fetch_text
from charly_vm.disk.qcow2 import convert_to_qcow2, inspect_image
from charly_vm.disk.store import Image, Recipe, Store
from charly_vm.errors import HostError
from charly_vm.host.files import explain_os_errors
from charly_vm.host.progress import Progress
from charly_vm.model.source import CloudImage, ImageFile

FORMATS = ("qcow2", "raw", "vmdk", "vhdx", "vpc", "vdi")
"""qemu-img's names; vpc is what Azure calls VHD."""

BOOT_SIGNATURE = b"\x55\xaa"
"""At the end of the first sector of every disk that boots, also of one with a GPT."""

ARCHIVES = {
    b"\xfd7zXZ\0": "compressed with xz",
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"PK\x03\x04": "a zip archive",
}


def fetch_cloud_image(
    source: CloudImage, store: Store, progress: Progress, *, refresh: bool = False
) -> Image:
    """The image behind a source's URL. One with a known checksum is fetched once.

    One that is kept under a name (`cache`) is taken without asking its server what the checksum is
    by now; with `refresh` that is asked again.

    Raises `HostError` where there is no checksum, where it does not fit (and nothing is kept), or
    where the image names other files of the host.
    """
    if not is_kept_by_name(source):
        return _fetch(source, store, progress)

    def find(workspace: Path) -> Path:
        # A second name of the same file, which the store finds to be what it has.
        disk = workspace / "disk.qcow2"
        with explain_os_errors(f"link {disk}"):
            disk.hardlink_to(_fetch(source, store, progress).path)
        return disk

    recipe = Recipe(source.url, ("cloud_image", "cache", source.cache or "", source.url))
    return store.build(recipe, find, progress, refresh=refresh)


def is_kept_by_name(source: CloudImage) -> bool:
    """Whether the name counts: a pinned image and a file of this host need no server's word."""
    is_file = source.url.startswith("file:")
    return source.cache is not None and source.checksum.value is None and not is_file


def _fetch(source: CloudImage, store: Store, progress: Progress) -> Image:
    algorithm, digest = _expected_digest(source)
    # The checksum alone determines the image: the same one from a mirror is the same.
    recipe = Recipe(source.url, ("cloud_image", algorithm, digest))
    if not isinstance(source, ImageFile):
        _require_unchanged(source.url, algorithm, digest)

    def fetch(workspace: Path) -> Path:
        download = workspace / "download"
        fetch_file(source.url, download, progress)
        _verify(source.url, download, algorithm, digest)
        return _as_qcow2(source.url, download)

    return store.build(recipe, fetch, progress)


def _expected_digest(source: CloudImage) -> tuple[str, str]:
    """The algorithm and the digest that the image must have."""
    if (value := source.checksum.value) is not None:
        return ALGORITHMS[len(value)], value
    if isinstance(source, ImageFile):
        return "sha256", hash_file(_path_of(source.url))
    directory, _, name = source.url.partition("?")[0].rpartition("/")
    for suffix in SIDECARS:
        text = fetch_text(f"{directory}/{name}{suffix}")
        if text is not None and (found := find_digest(text, name, of_one_file=True)):
            return found
    for file in LISTS:
        text = fetch_text(f"{directory}/{file}")
        if text is not None and (found := find_digest(text, name)):
            return found
    raise HostError(
        f"there is no checksum for {source.url}: none is pinned, and no file beside it has one "
        f"({', '.join(SIDECARS)}, {', '.join(LISTS)})",
        hint="pin it with the output of sha256sum: `checksum: {type: sha256, value: …}`",
    )


def _require_unchanged(url: str, algorithm: str, digest: str) -> None:
    """Whoever names a file means it as it is now, and not what was kept of it earlier."""
    if url.startswith("file:") and _path_of(url).is_file():
        _verify(url, _path_of(url), algorithm, digest)


def _path_of(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def hash_file(path: Path, algorithm: str = "sha256") -> str:
    """The digest of a file's content in hexadecimal."""
    digest = hashlib.new(algorithm)
    with explain_os_errors(f"read {path}"), path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _verify(url: str, download: Path, algorithm: str, digest: str) -> None:
    found = hash_file(download, algorithm)
    if found != digest:
        raise HostError(
            f"{url} is not what its checksum says: expected {algorithm} {digest}, found {found}",
            hint="the image has changed or is damaged; do not use it before you know why. One that "
            "is built anew each time is named by `--charly-image NAME=PATH` or `vm build --source`",
        )


def _as_qcow2(url: str, download: Path) -> Path:
    """The image as a qcow2, after a look at what it is; its name and its server prove nothing."""
    info = inspect_image(download)
    if info.other_files:
        raise HostError(
            f"{url} refers to another file, {info.other_files[0]}: it could make any file of this "
            "host a part of the guest's disk",
            hint="use an image that is complete in itself: `qemu-img convert -O qcow2 …`",
        )
    if info.format not in FORMATS:
        raise HostError(
            f"{url} is a disk image of the format {info.format}, which is not taken",
            hint=f"convert it to one of {', '.join(FORMATS)}",
        )
    if info.format == "raw":
        _require_boot_sector(url, download)
    if info.format == "qcow2":
        return download
    converted = download.with_name("disk.qcow2")
    convert_to_qcow2(download, converted, source_format=info.format)
    return converted


def _require_boot_sector(url: str, download: Path) -> None:
    """What qemu-img does not recognise it calls raw: an archive and a web page as well."""
    with explain_os_errors(f"read {download}"), download.open("rb") as stream:
        sector = stream.read(512)
    if sector[510:] != BOOT_SIGNATURE:
        kind = next((name for magic, name in ARCHIVES.items() if sector.startswith(magic)), "")
        raise HostError(
            f"{url} is {kind or 'neither a disk image of a known format nor a raw disk'}",
            hint="unpack it first, and give the URL of the image itself" if kind else "",
        )
