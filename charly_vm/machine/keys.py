"""Carrying out a key source: whose SSH key gets into a machine, and which file logs in with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from charly_vm.errors import HostError
from charly_vm.host.ssh_keys import (
    KeyPair,
    UnusableKey,
    find_key_pair,
    generate_key_pair,
    read_public_key,
    write_key_pair,
)
from charly_vm.model.resolve.keys import LoginKey
from charly_vm.model.resolved import Paths, ResolvedMachine

AUTO, GENERATE, NONE = "auto", "generate", "none"


@dataclass(frozen=True, slots=True)
class ChosenKey:
    """What came of a key source. Nothing is written yet."""

    login: LoginKey | None
    """None where no key is wanted."""
    new: KeyPair | None = None
    """A pair that was made for the machine, for `store_key`."""
    note: str = ""
    """What people should know about the choice."""


def choose_key(source: str, paths: Paths, *, domain: str) -> ChosenKey:
    """The key that a machine gets: `auto`, `generate`, `none` or the path of a public key.

    A pair of the machine's own is kept for as long as its directory is there. Raises `HostError`
    where a key that was asked for cannot log in.
    """
    if source == NONE:
        return ChosenKey(None, note=f"{domain} gets no SSH key: nothing can log in to it by SSH")
    if source == GENERATE:
        return _own_key(paths, domain)
    if source == AUTO:
        return _users_key(paths, domain)
    public = Path(source).expanduser()
    return ChosenKey(_login_key(public, read_public_key(public)))


def store_key(chosen: ChosenKey, paths: Paths) -> None:
    """Write a pair that was made for the machine into its directory, which has to be there."""
    if chosen.new is not None:
        write_key_pair(paths.user_key, chosen.new)


def read_chosen_key(machine: ResolvedMachine) -> str | None:
    """The public half of the key that the machine was made with, None where it has none."""
    if not machine.key:
        return None
    public = Path(f"{machine.key}.pub")
    try:
        return read_public_key(public)
    except UnusableKey as error:
        raise HostError(
            f"the SSH key of {machine.domain} is no longer what it was: {error.reason}",
            hint=f"put {machine.key} and its .pub back, or destroy the machine and create it again",
        ) from error


def _own_key(paths: Paths, domain: str, *, note: str = "") -> ChosenKey:
    kept = find_key_pair(paths.user_key, comment=domain)
    pair = kept or generate_key_pair(domain)
    login = LoginKey(str(paths.user_key), pair.public)
    # Also one that is kept: its public half may be lost.
    return ChosenKey(login, new=pair, note=note)


def _users_key(paths: Paths, domain: str) -> ChosenKey:
    """The first key of the user's that can log in, and one of the machine's own without any."""
    passed_over = []
    directory = Path.home() / ".ssh"
    for public in sorted(directory.glob("*.pub")):
        try:
            login = _login_key(public, read_public_key(public))
        except UnusableKey as error:
            passed_over.append(f"{public.name} ({error.reason})")
        else:
            note = f"{domain} gets the SSH key {public}{_mention(passed_over)}"
            return ChosenKey(login, note=note if passed_over else "")
    found = "can log in by itself" if passed_over else "is there"
    note = f"no key in {directory} {found}, so {domain} gets one of its own{_mention(passed_over)}"
    return _own_key(paths, domain, note=note)


def _mention(passed_over: list[str]) -> str:
    return f"; passed over: {', '.join(passed_over)}" if passed_over else ""


def _login_key(public: Path, line: str) -> LoginKey:
    return LoginKey(str(public.absolute()).removesuffix(".pub"), line)
