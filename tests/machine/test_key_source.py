"""What becomes of each key source, with keys as OpenSSH makes them in a home of the test's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from machine_samples import sample_record

from charly_vm.errors import HostError
from charly_vm.host.process import require_tool, run
from charly_vm.machine.keys import choose_key, read_chosen_key, store_key
from charly_vm.machine.records import paths_of
from charly_vm.model.resolved import Paths

DOMAIN = "charly-sample"


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's `~/.ssh`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    directory = tmp_path / ".ssh"
    directory.mkdir()
    return directory


@pytest.fixture
def paths() -> Paths:
    return paths_of(DOMAIN)


def add_key(path: Path, *, kind: str = "ed25519", passphrase: str = "") -> Path:
    """Make a pair as a user does; returns the public half."""
    keygen = require_tool("ssh-keygen", package="openssh-client")
    run([keygen, "-q", "-t", kind, "-N", passphrase, "-C", "me", "-f", path], timeout=30)
    return path.with_name(f"{path.name}.pub")


def test_auto_takes_the_first_public_key_in_the_order_of_names(keys: Path, paths: Paths) -> None:
    for name in ("id_rsa2", "id_ed25519", "work"):
        add_key(keys / name)
    chosen = choose_key("auto", paths, domain=DOMAIN)
    assert chosen.login is not None
    assert chosen.login.private == str(keys / "id_ed25519")
    assert chosen.login.public == (keys / "id_ed25519.pub").read_text().strip()
    assert (chosen.new, chosen.note) == (None, "")


def test_auto_passes_over_what_cannot_log_in_by_itself_and_says_why(
    keys: Path, paths: Paths
) -> None:
    authority = add_key(keys / "zz_authority")
    certified = add_key(keys / "id_ecdsa", kind="ecdsa")
    keygen = require_tool("ssh-keygen", package="openssh-client")
    run([keygen, "-q", "-s", authority.with_suffix(""), "-I", "me", certified], timeout=10)
    add_key(keys / "b_secret", passphrase="secret")
    add_key(keys / "a_elsewhere").with_suffix("").unlink()
    chosen = choose_key("auto", paths, domain=DOMAIN)
    assert chosen.login is not None
    assert chosen.login.private == str(keys / "id_ecdsa")
    assert "a_elsewhere.pub (its private half" in chosen.note
    assert "b_secret has a passphrase" in chosen.note
    assert "id_ecdsa-cert.pub (it is a certificate" in chosen.note


@pytest.mark.parametrize("there", ["nothing", "a key with a passphrase", "no directory"])
def test_auto_generates_one_where_no_key_can_log_in_and_says_so(
    keys: Path, paths: Paths, there: str
) -> None:
    if there == "a key with a passphrase":
        add_key(keys / "id_ed25519", passphrase="secret")
    elif there == "no directory":
        keys.rmdir()
    chosen = choose_key("auto", paths, domain=DOMAIN)
    assert chosen.login is not None
    assert chosen.login.private == str(paths.user_key)
    assert chosen.note.startswith(f"no key in {keys} ")
    assert f"{DOMAIN} gets one of its own" in chosen.note


def test_generate_makes_a_pair_that_is_written_only_when_it_is_stored(paths: Paths) -> None:
    chosen = choose_key("generate", paths, domain=DOMAIN)
    assert chosen.login is not None
    assert not paths.directory.exists()
    paths.directory.mkdir(parents=True)
    store_key(chosen, paths)
    assert paths.user_key.stat().st_mode & 0o777 == 0o600
    assert Path(f"{paths.user_key}.pub").read_text() == f"{chosen.login.public}\n"


def test_generate_keeps_its_pair_for_as_long_as_the_directory_is_there(paths: Paths) -> None:
    paths.directory.mkdir(parents=True)
    first = choose_key("generate", paths, domain=DOMAIN)
    store_key(first, paths)
    before = paths.user_key.stat().st_ino
    again = choose_key("generate", paths, domain=DOMAIN)
    store_key(again, paths)
    assert again.login == first.login
    assert paths.user_key.stat().st_ino == before


def test_generate_takes_no_notice_of_the_users_keys(keys: Path, paths: Paths) -> None:
    add_key(keys / "id_ed25519")
    chosen = choose_key("generate", paths, domain=DOMAIN)
    assert chosen.login is not None
    assert chosen.login.private == str(paths.user_key)


def test_none_gives_no_key_and_says_what_that_means(keys: Path, paths: Paths) -> None:
    add_key(keys / "id_ed25519")
    chosen = choose_key("none", paths, domain=DOMAIN)
    assert (chosen.login, chosen.new) == (None, None)
    assert "nothing can log in" in chosen.note


def test_a_path_is_taken_with_the_private_half_beside_it(tmp_path: Path, paths: Paths) -> None:
    public = add_key(tmp_path / "mine", kind="rsa")
    for written in (str(public), "~/mine.pub"):
        chosen = choose_key(written, paths, domain=DOMAIN)
        assert chosen.login is not None
        assert chosen.login.private == str(tmp_path / "mine")
        assert chosen.login.public.startswith("ssh-rsa ")


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("not there", "mine.pub cannot be used: it is not there"),
        ("no private half", "its private half .*mine is not there"),
        ("a passphrase", "has a passphrase"),
        ("another's", "mine is not its private half"),
    ],
)
def test_a_path_that_cannot_log_in_is_an_error_that_says_what_to_do(
    tmp_path: Path, paths: Paths, trouble: str, words: str
) -> None:
    public = tmp_path / "mine.pub"
    if trouble != "not there":
        add_key(tmp_path / "mine", passphrase="secret" if trouble == "a passphrase" else "")
    if trouble == "no private half":
        (tmp_path / "mine").unlink()
    if trouble == "another's":
        public.write_bytes(add_key(tmp_path / "other").read_bytes())
    with pytest.raises(HostError, match=words) as caught:
        choose_key(str(public), paths, domain=DOMAIN)
    assert "key_source: generate" in caught.value.hint


def test_the_key_of_a_machine_is_read_again_by_its_path(tmp_path: Path) -> None:
    public = add_key(tmp_path / "mine")
    machine = sample_record().machine
    machine = dataclasses.replace(machine, key=str(tmp_path / "mine"))
    assert read_chosen_key(machine) == public.read_text().strip()
    assert read_chosen_key(dataclasses.replace(machine, key="")) is None


def test_a_key_that_is_gone_is_missed_by_its_machines_name(tmp_path: Path) -> None:
    machine = dataclasses.replace(sample_record().machine, key=str(tmp_path / "mine"))
    with pytest.raises(HostError, match=r"the SSH key of charly-sample .*is not there") as caught:
        read_chosen_key(machine)
    assert str(tmp_path / "mine") in caught.value.hint
