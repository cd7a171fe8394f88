"""Checksum files in the forms in which distributions publish them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.disk.checksums import find_digest

SHORT = "a1" * 32
LONG = "b2" * 64
OTHER = "c3" * 32


@pytest.mark.parametrize(
    "text",
    [
        f"{SHORT}  disk.qcow2\n",
        f"{SHORT} *disk.qcow2\n",
        f"{SHORT.upper()}  ./images/disk.qcow2\r\n",
        f"SHA256 (disk.qcow2) = {SHORT}\n",
        f"SHA256(disk.qcow2)= {SHORT}\n",
        f"SHA2-256(disk.qcow2)= {SHORT}\n",
        f"{SHORT}\n",
        f"{OTHER}  disk.qcow2.sig\n{SHORT}  disk.qcow2\n{OTHER}  disk\n",
    ],
    ids=["gnu", "binary", "path", "bsd", "openssl", "openssl3", "bare", "many"],
)
def test_a_digest_is_found_in_every_usual_form(text: str) -> None:
    assert find_digest(text, "disk.qcow2") == ("sha256", SHORT)


def test_the_number_of_digits_tells_the_algorithm() -> None:
    assert find_digest(f"{LONG}  disk.qcow2", "disk.qcow2") == ("sha512", LONG)
    assert find_digest(f"SHA512 (disk.qcow2) = {LONG}", "disk.qcow2") == ("sha512", LONG)


def test_a_signed_list_as_fedora_has_it_is_read() -> None:
    text = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
        f"# disk.qcow2: 397475840 bytes\nSHA256 (disk.qcow2) = {SHORT}\n"
        f"# disk.raw.xz: 327475840 bytes\nSHA256 (disk.raw.xz) = {OTHER}\n"
        "-----BEGIN PGP SIGNATURE-----\n\niQIzBAEBCAAdFiEE\n-----END PGP SIGNATURE-----\n"
    )
    assert find_digest(text, "disk.qcow2") == ("sha256", SHORT)
    assert find_digest(text, "disk.raw.xz") == ("sha256", OTHER)


def test_another_files_digest_is_never_taken() -> None:
    text = f"{OTHER}  other.qcow2\n{SHORT}  disk.qcow2.asc\n{SHORT}\n"
    assert find_digest(text, "disk.qcow2") is None


def test_a_file_about_one_image_may_call_it_by_its_dated_name() -> None:
    text = f"{SHORT}  disk-20261101.1234.qcow2\n"
    assert find_digest(text, "disk.qcow2", of_one_file=True) == ("sha256", SHORT)
    assert find_digest(text, "disk.qcow2") is None


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    find_digest(text, "disk.qcow2")
    find_digest(text, "disk.qcow2", of_one_file=True)
