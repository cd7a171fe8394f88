"""The way to the guest agent: a command in, an answer that is yet to be believed out."""

from __future__ import annotations

from typing import Protocol

from charly_vm.probe.libvirt.answer import Answer
from charly_vm.probe.libvirt.subject import Subject

ANSWER_SECONDS = 20.0
"""An agent that is there answers at once; a guest without KVM may be slow to look around."""


class Channel(Protocol):
    """Asks one guest's agent."""

    @property
    def name(self) -> str:
        """The machine's, for errors."""
        ...

    def ask(self, command: str, seconds: float = ANSWER_SECONDS, /, **arguments: object) -> Answer:
        """Put a command to it. An argument's name has underscores for hyphens. Raises
        `GuestError` where the agent is silent or refuses."""
        ...


class BackendChannel:
    """By way of the machine's backend."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @property
    def name(self) -> str:
        return self._subject.domain.name

    def ask(self, command: str, seconds: float = ANSWER_SECONDS, /, **arguments: object) -> Answer:
        named = {key.replace("_", "-"): value for key, value in arguments.items()}
        backend, domain = self._subject.backend, self._subject.domain
        return Answer(command, backend.ask_agent(domain, command, named, seconds=seconds))
