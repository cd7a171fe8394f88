from __future__ import annotations

from pathlib import Path

import pytest

from charly_vm.errors import HostError
from charly_vm.host.process import require_tool, run
from charly_vm.host.ssh_keys import (
    UnusableKey,
    known_hosts_line,
    make_key_pair,
    read_public_key,
)


def test_openssh_reads_the_pair_and_agrees_on_the_public_half(tmp_path: Path) -> None:
    keygen = require_tool("ssh-keygen", package="openssh-client")
    pair = make_key_pair(tmp_path / "id_ed25519", comment="charly@charly-x")
    derived = run([keygen, "-y", "-f", tmp_path / "id_ed25519"], timeout=10).stdout
    assert derived.split()[:2] == pair.public.split()[:2]
    assert (tmp_path / "id_ed25519.pub").read_text() == pair.public + "\n"
    assert pair.public.endswith(" charly@charly-x")


def test_the_private_half_is_for_its_owner_only(tmp_path: Path) -> None:
    make_key_pair(tmp_path / "key", comment="")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == ["key", "key.pub"]


def test_a_pair_that_is_there_is_kept_untouched(tmp_path: Path) -> None:
    first = make_key_pair(tmp_path / "key", comment="c")
    inodes = [(tmp_path / name).stat().st_ino for name in ("key", "key.pub")]
    assert make_key_pair(tmp_path / "key", comment="c") == first
    assert [(tmp_path / name).stat().st_ino for name in ("key", "key.pub")] == inodes


@pytest.mark.parametrize("state", ["lost", "another's"])
def test_the_public_half_is_written_again_from_the_private_one(tmp_path: Path, state: str) -> None:
    pair = make_key_pair(tmp_path / "key", comment="c")
    public = tmp_path / "key.pub"
    if state == "lost":
        public.unlink()
    else:
        public.write_text(make_key_pair(tmp_path / "other", comment="c").public)
    assert make_key_pair(tmp_path / "key", comment="c") == pair
    assert public.read_text() == pair.public + "\n"


def test_two_pairs_differ(tmp_path: Path) -> None:
    one, two = (make_key_pair(tmp_path / name, comment="") for name in ("one", "two"))
    assert one.private != two.private


@pytest.mark.parametrize("kind", ["garbage", "rsa", "passphrase"])
def test_a_key_that_cannot_be_used_is_never_overwritten(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key"
    if kind == "garbage":
        path.write_text("not a key\n")
    else:
        keygen = require_tool("ssh-keygen", package="openssh-client")
        options = ["-t", "rsa", "-N", ""] if kind == "rsa" else ["-t", "ed25519", "-N", "secret"]
        run([keygen, "-q", *options, "-f", path], timeout=30)
    before = path.read_bytes()
    with pytest.raises(HostError, match="remove") as caught:
        make_key_pair(path, comment="")
    assert str(path) in caught.value.message
    assert path.read_bytes() == before


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="missing"):
        make_key_pair(tmp_path / "missing" / "key", comment="")


def test_a_known_hosts_line_binds_the_key_to_the_alias(tmp_path: Path) -> None:
    keygen = require_tool("ssh-keygen", package="openssh-client")
    pair = make_key_pair(tmp_path / "key", comment="some comment")
    line = known_hosts_line("charly-x", pair.public)
    assert line == f"charly-x ssh-ed25519 {pair.public.split()[1]}"
    (tmp_path / "known_hosts").write_text(line + "\n")
    found = run([keygen, "-F", "charly-x", "-f", tmp_path / "known_hosts"], timeout=10).stdout
    assert line in found


@pytest.mark.parametrize(
    "options",
    [["-t", "ed25519"], ["-t", "rsa"], ["-t", "ecdsa"], ["-t", "rsa", "-m", "PEM"]],
    ids=str,
)
def test_a_users_key_of_each_kind_is_read_as_it_stands(tmp_path: Path, options: list[str]) -> None:
    keygen = require_tool("ssh-keygen", package="openssh-client")
    run([keygen, "-q", *options, "-N", "", "-C", "me at home", "-f", tmp_path / "id"], timeout=30)
    line = read_public_key(tmp_path / "id.pub")
    assert line == (tmp_path / "id.pub").read_text().strip()
    assert line.endswith(" me at home")


@pytest.mark.parametrize(
    ("public", "reason"),
    [
        ("", "not one line with a public key"),
        ("ssh-ed25519\n", "not one line with a public key"),
        ("ssh-rsa AAAA me\nssh-rsa BBBB me\n", "not one line with a public key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "not one line with a public key"),
        ("ssh-dss AAAA me\n", "a DSA key"),
        ("ssh-ed25519-cert-v01@openssh.com AAAA me\n", "a certificate"),
        ("ssh-rsa AAAA me\n", "no private key that can be read"),
    ],
)
def test_what_is_no_key_to_log_in_with_is_refused_with_the_reason(
    tmp_path: Path, public: str, reason: str
) -> None:
    (tmp_path / "id.pub").write_text(public)
    (tmp_path / "id").write_text("no key\n")
    with pytest.raises(UnusableKey, match=reason) as caught:
        read_public_key(tmp_path / "id.pub")
    assert str(tmp_path / "id.pub") in caught.value.message
