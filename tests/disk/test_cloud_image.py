"""Cloud images from a stand-in of a distribution's server, into a real store."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest
from image_server import ImageServer
from tiny_disk import MEBIBYTE, make_qcow2, make_raw_disk
from watcher import Watcher

from charly_vm.disk.cloud_image import fetch_cloud_image
from charly_vm.disk.qcow2 import inspect_image
from charly_vm.disk.store import Image, Store
from charly_vm.errors import HostError
from charly_vm.host.process import run
from charly_vm.model.source import Checksum, CloudImage, ImageFile


class Distribution:
    """Publishes images on a server and fetches them as a VM entity would."""

    def __init__(self, server: ImageServer, store: Store, watcher: Watcher, work: Path) -> None:
        self.server = server
        self.store = store
        self.watcher = watcher
        self.work = work

    def publish(self, content: bytes, name: str = "disk.qcow2") -> str:
        """Put an image on the server; returns its sha256."""
        self.server.files[f"/images/{name}"] = content
        return hashlib.sha256(content).hexdigest()

    def fetch(
        self,
        name: str = "disk.qcow2",
        value: str | None = None,
        *,
        cache: str | None = None,
        refresh: bool = False,
    ) -> Image:
        source = CloudImage(
            kind="cloud_image",
            url=f"{self.server.url}/images/{name}",
            checksum=Checksum(value=value),
            cache=cache,
        )
        return fetch_cloud_image(source, self.store, self.watcher, refresh=refresh)

    @property
    def stored(self) -> list[Path]:
        return sorted(path for path in self.store.directory.rglob("*") if path.suffix != ".lock")


@pytest.fixture
def distribution(
    server: ImageServer, store: Store, watcher: Watcher, tmp_path: Path
) -> Distribution:
    return Distribution(server, store, watcher, tmp_path)


@pytest.fixture
def image(tmp_path: Path) -> bytes:
    return make_qcow2(tmp_path / "published").read_bytes()


def test_an_image_with_a_pinned_checksum_is_fetched_as_it_is(
    distribution: Distribution, image: bytes
) -> None:
    digest = distribution.publish(image)
    fetched = distribution.fetch(value=digest.upper())
    assert fetched.path.read_bytes() == image
    assert fetched.digest == digest
    assert distribution.watcher.transfers[0][:2] == ("fetching disk.qcow2", len(image))


def test_a_pinned_sha512_is_told_by_its_length(distribution: Distribution, image: bytes) -> None:
    distribution.publish(image)
    assert distribution.fetch(value=hashlib.sha512(image).hexdigest()).path.exists()


def test_a_known_digest_is_not_downloaded_again(distribution: Distribution, image: bytes) -> None:
    digest = distribution.publish(image)
    first = distribution.fetch(value=digest)
    del distribution.server.files["/images/disk.qcow2"]
    assert distribution.fetch(value=digest) == first
    assert distribution.fetch(name="mirror.qcow2", value=digest) == first


def test_a_file_that_has_changed_is_not_what_was_kept_of_it(
    distribution: Distribution, image: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "it's here.qcow2"
    path.write_bytes(image)
    value = hashlib.sha256(image).hexdigest()
    source = CloudImage(kind="cloud_image", url=path.as_uri(), checksum=Checksum(value=value))
    fetched = fetch_cloud_image(source, distribution.store, distribution.watcher)
    assert fetched.path.read_bytes() == image
    path.write_bytes(image + b"more")
    with pytest.raises(HostError, match="is not what its checksum says") as raised:
        fetch_cloud_image(source, distribution.store, distribution.watcher)
    assert "--charly-image NAME=PATH" in raised.value.hint
    path.unlink()
    assert fetch_cloud_image(source, distribution.store, distribution.watcher) == fetched


@pytest.mark.parametrize("suffix", [".SHA256", ".sha256", ".sha256sum", ".SHA256SUM"])
def test_the_checksum_is_found_beside_the_image(
    distribution: Distribution, image: bytes, suffix: str
) -> None:
    digest = distribution.publish(image)
    distribution.server.files[f"/images/disk.qcow2{suffix}"] = f"{digest}  other-name\n".encode()
    assert distribution.fetch().digest == digest


def test_a_sha512_beside_the_image_will_do(distribution: Distribution, image: bytes) -> None:
    distribution.publish(image)
    sums = f"{hashlib.sha512(image).hexdigest()}\n".encode()
    distribution.server.files["/images/disk.qcow2.SHA512"] = sums
    assert distribution.fetch().path.read_bytes() == image


@pytest.mark.parametrize("name", ["SHA256SUMS", "CHECKSUM"])
def test_the_checksum_is_found_in_the_list_of_the_directory(
    distribution: Distribution, image: bytes, name: str
) -> None:
    digest = distribution.publish(image)
    text = f"SHA256 (disk.raw) = {'0' * 64}\nSHA256 (disk.qcow2) = {digest}\n"
    distribution.server.files[f"/images/{name}"] = text.encode()
    assert distribution.fetch().digest == digest


def test_without_any_checksum_the_error_says_how_to_pin_one(
    distribution: Distribution, image: bytes
) -> None:
    distribution.publish(image)
    with pytest.raises(HostError, match=r"there is no checksum for .*disk.qcow2") as raised:
        distribution.fetch()
    assert "checksum: {type: sha256, value: …}" in raised.value.hint
    assert distribution.server.asked_for("/images/disk.qcow2") == 0


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(
    distribution: Distribution, image: bytes
) -> None:
    found = distribution.publish(image)
    with pytest.raises(HostError, match=rf"expected sha256 {'0' * 64}, found {found}"):
        distribution.fetch(value="0" * 64)
    assert distribution.stored == [distribution.store.directory / "building"]
    with pytest.raises(HostError, match="expected sha256"):
        distribution.fetch(value="0" * 64)
    assert distribution.server.asked_for("/images/disk.qcow2") == 2


def test_a_cut_off_download_still_has_to_fit_its_checksum(
    distribution: Distribution, image: bytes
) -> None:
    digest = distribution.publish(image)
    distribution.server.cut_off_after = [len(image) // 2]
    assert distribution.fetch(value=digest).digest == digest
    assert distribution.server.asked_for("/images/disk.qcow2") == 2


@pytest.mark.parametrize("kind", ["raw", "vmdk", "vhdx", "vdi", "vpc"])
def test_another_format_is_converted_whatever_its_name_says(
    distribution: Distribution, kind: str
) -> None:
    raw = make_raw_disk(distribution.work / "raw", mark=b"here")
    made = distribution.work / "made"
    run(["qemu-img", "convert", "-f", "raw", "-O", kind, raw, made], timeout=20)
    fetched = distribution.fetch(value=distribution.publish(made.read_bytes()))
    assert inspect_image(fetched.path).format == "qcow2"
    run(["qemu-img", "convert", "-O", "raw", fetched.path, distribution.work / "back"], timeout=20)
    assert (distribution.work / "back").read_bytes()[:MEBIBYTE] == raw.read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        ("-b", "/etc/hosts", "-F", "raw"),
        ("-o", "data_file=/etc/hosts.charly-test,data_file_raw=on"),
    ],
    ids=["backing file", "data file"],
)
def test_an_image_that_names_a_file_of_the_host_is_refused(
    distribution: Distribution, options: tuple[str, ...], tmp_path: Path
) -> None:
    words = tuple(word.replace("/etc/hosts.charly-test", f"{tmp_path}/data") for word in options)
    hostile = make_qcow2(tmp_path / "hostile", options=words).read_bytes()
    with pytest.raises(HostError, match=r"disk.qcow2 refers to another file, /.* any file of this"):
        distribution.fetch(value=distribution.publish(hostile))
    assert distribution.stored == [distribution.store.directory / "building"]


def test_a_vmdk_that_names_a_file_of_the_host_is_refused(distribution: Distribution) -> None:
    hostile = (
        b"# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\n"
        b'createType="monolithicFlat"\nRW 1 FLAT "/etc/passwd" 0\n'
        b'ddb.geometry.cylinders = "1"\nddb.geometry.heads = "16"\n'
        b'ddb.geometry.sectors = "63"\nddb.adapterType = "ide"\n'
    )
    with pytest.raises(HostError, match="refers to another file, /etc/passwd"):
        distribution.fetch(value=distribution.publish(hostile))


def test_a_packed_image_is_refused_with_what_to_do(
    distribution: Distribution, image: bytes
) -> None:
    packed = gzip.compress(image)
    with pytest.raises(HostError, match=r"disk.qcow2.gz is compressed with gzip") as raised:
        distribution.fetch("disk.qcow2.gz", distribution.publish(packed, "disk.qcow2.gz"))
    assert "unpack it" in raised.value.hint


def test_a_page_instead_of_an_image_is_refused(distribution: Distribution) -> None:
    page = b"<!doctype html><title>Log in</title>" * 100
    with pytest.raises(HostError, match="neither a disk image of a known format nor a raw disk"):
        distribution.fetch(value=distribution.publish(page))


def test_a_format_that_is_not_taken_is_named(distribution: Distribution, tmp_path: Path) -> None:
    run(["qemu-img", "create", "-q", "-f", "qed", tmp_path / "made", "1M"], timeout=20)
    content = (tmp_path / "made").read_bytes()
    with pytest.raises(HostError, match="a disk image of the format qed, which is not taken"):
        distribution.fetch(value=distribution.publish(content))


def test_an_image_in_a_file_is_verified_like_any_other(
    store: Store, watcher: Watcher, tmp_path: Path
) -> None:
    path = make_qcow2(tmp_path / "disk.qcow2")
    source = CloudImage(kind="cloud_image", url=path.as_uri())
    with pytest.raises(HostError, match="there is no checksum for file:///"):
        fetch_cloud_image(source, store, watcher)
    sums = run(["sha256sum", "disk.qcow2"], timeout=20, cwd=tmp_path).stdout
    (tmp_path / "SHA256SUMS").write_text(sums)
    image = fetch_cloud_image(source, store, watcher)
    assert image.digest == sums.split()[0]
    assert path.stat().st_mode & 0o200, "the author's own file stays as it was"


def test_an_image_that_is_kept_by_name_needs_no_server_again(
    distribution: Distribution, image: bytes, tmp_path: Path
) -> None:
    sidecar = "/images/disk.qcow2.SHA256"
    distribution.server.files[sidecar] = distribution.publish(image).encode()
    first = distribution.fetch(cache="mine")
    newer = make_qcow2(tmp_path / "newer", size=2 * MEBIBYTE).read_bytes()
    distribution.server.files[sidecar] = distribution.publish(newer).encode()
    assert distribution.fetch(cache="mine") == first
    # The server decides under any other name, without one, and when it is asked to.
    assert distribution.fetch(cache="another").path.read_bytes() == newer
    assert distribution.fetch().path.read_bytes() == newer
    assert distribution.fetch(cache="mine", refresh=True).path.read_bytes() == newer
    distribution.server.files.clear()
    assert distribution.fetch(cache="mine").path.read_bytes() == newer
    with pytest.raises(HostError, match="no checksum"):
        distribution.fetch()


def test_a_pinned_image_is_what_its_checksum_says_under_any_name(
    distribution: Distribution, image: bytes, tmp_path: Path
) -> None:
    distribution.fetch(value=distribution.publish(image), cache="mine")
    newer = make_qcow2(tmp_path / "newer", size=2 * MEBIBYTE).read_bytes()
    fetched = distribution.fetch(value=distribution.publish(newer), cache="mine")
    assert fetched.path.read_bytes() == newer


def test_a_file_that_a_command_line_names_is_taken_as_it_is_now(
    distribution: Distribution, image: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "built just now.qcow2"
    source = ImageFile(kind="cloud_image", url=file.as_uri())
    for content in (image, make_qcow2(tmp_path / "newer", size=2 * MEBIBYTE).read_bytes()):
        file.write_bytes(content)
        fetched = fetch_cloud_image(source, distribution.store, distribution.watcher)
        assert fetched.path.read_bytes() == content
