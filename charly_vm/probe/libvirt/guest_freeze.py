"""The guest's file systems, brought to rest and back by its agent (`guest-fsfreeze-…`).

A guest whose file systems stay frozen is as good as hung: whoever fails while they may be, thaws.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from charly_vm.errors import CharlyError, GuestError
from charly_vm.probe.arguments import wrong_argument
from charly_vm.probe.libvirt.channel import ANSWER_SECONDS, Channel

FREEZE_SECONDS = 60.0
"""A guest with much to write takes a while to bring its file systems to rest."""
STATUSES = ("frozen", "thawed")
ACTIONS = ("status", "freeze", "thaw")


@dataclass(frozen=True, slots=True)
class FreezeState:
    """`status` is frozen or thawed, `file_systems` how many were brought to that just now."""

    status: str
    file_systems: int = 0


def freeze(channel: Channel, action: str) -> FreezeState:
    """Do one of `ACTIONS`; for what is raised see `GuestAgent.fsfreeze`."""
    if action == "status":
        return FreezeState(_status(channel))
    if action == "freeze":
        return _freeze(channel)
    if action == "thaw":
        return FreezeState("thawed", _thaw(channel))
    text = f"the action is {action!r}, and not one of {', '.join(ACTIONS)}"
    raise wrong_argument("guest/fsfreeze", text)


@contextmanager
def file_systems_at_rest(channel: Channel) -> Iterator[FreezeState]:
    state = _freeze(channel)
    with _thawed_on_failure(channel):
        yield state
        # Within: where this is interrupted or fails, it is tried once more.
        _thaw(channel)


def _freeze(channel: Channel) -> FreezeState:
    # An agent refuses a second freeze, and to thaw after that would undo somebody else's.
    if _status(channel) == "frozen":
        raise GuestError(
            f"the file systems of {channel.name} are frozen already",
            hint="whoever did that thaws them, or `guest/fsfreeze thaw` does",
        )
    with _thawed_on_failure(channel):
        answer = channel.ask("guest-fsfreeze-freeze", FREEZE_SECONDS)
        return FreezeState("frozen", answer.number())


def _thaw(channel: Channel) -> int:
    return channel.ask("guest-fsfreeze-thaw", FREEZE_SECONDS).number()


def _status(channel: Channel) -> str:
    answer = channel.ask("guest-fsfreeze-status", ANSWER_SECONDS)
    said = answer.text()
    return said if said in STATUSES else answer.odd(f"is {said[:40]!r}")


@contextmanager
def _thawed_on_failure(channel: Channel) -> Iterator[None]:
    """Also on Ctrl-C, and where the agent's answer to the freezing was lost."""
    try:
        yield
    except BaseException as failure:
        try:
            _thaw(channel)
        except CharlyError as error:
            _warn(failure, channel, error)
        raise


def _warn(failure: BaseException, channel: Channel, error: CharlyError) -> None:
    """What went wrong first is what has to be read; that it left something behind, as well."""
    text = f"the file systems of {channel.name} may still be frozen: {error.message}"
    if isinstance(failure, CharlyError):
        failure.details = "\n".join(filter(None, [failure.details, f"  {text}"]))
        failure.hint = failure.hint or "`guest/fsfreeze thaw` tries again"
    else:
        failure.add_note(text)
