"""What somebody wants of a host's scarce resources, all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from charly_vm.host.amounts import format_size

RAM = "ram"
CPUS = "cpus"
HOST_AMOUNTS = (RAM, CPUS)
"""What every host has an amount of, the former in bytes."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Tokens by the way in which they are wanted; no token is wanted in two ways."""

    exclusive: tuple[str, ...] = ()
    """One claimant at a time."""
    shared: tuple[str, ...] = ()
    """Any number, but nobody who wants it exclusively."""
    amounts: Mapping[str, int] = field(default_factory=dict)
    """How much of each: bytes of `ram`, CPUs, seats of a licence."""

    @property
    def tokens(self) -> tuple[str, ...]:
        return (*self.exclusive, *self.shared, *self.amounts)

    def __bool__(self) -> bool:
        return bool(self.exclusive or self.shared or self.amounts)

    def __str__(self) -> str:
        return describe(self.exclusive, self.shared, self.amounts)


def make_wish(
    exclusive: Iterable[str] = (),
    shared: Iterable[str] = (),
    amounts: Mapping[str, int] | None = None,
) -> Wish:
    """A wish with each token once. Who wants a token exclusively has it shared and every amount
    of it too."""
    whole = tuple(dict.fromkeys(exclusive))
    some = {token: count for token, count in (amounts or {}).items() if token not in whole}
    part = tuple(token for token in dict.fromkeys(shared) if token not in whole)
    both = [token for token in part if token in some]
    return Wish(whole, tuple(token for token in part if token not in both), some)


def unite(wishes: Iterable[Wish]) -> Wish:
    """All of several wishes, as one claimant has them: of amounts the largest."""
    exclusive: list[str] = []
    shared: list[str] = []
    amounts: dict[str, int] = {}
    for wish in wishes:
        exclusive += wish.exclusive
        shared += wish.shared
        for token, amount in wish.amounts.items():
            amounts[token] = max(amount, amounts.get(token, 0))
    return make_wish(exclusive, shared, amounts)


def describe(exclusive: Iterable[str], shared: Iterable[str], amounts: Mapping[str, int]) -> str:
    """`nvidia-gpu, usb-dongle (shared), 4G of ram`."""
    return ", ".join(
        [
            *exclusive,
            *(f"{token} (shared)" for token in shared),
            *(f"{format_amount(token, amount)} of {token}" for token, amount in amounts.items()),
        ]
    )


def format_amount(token: str, amount: int) -> str:
    """Bytes as a size, anything else as a number."""
    written: Callable[[int], str] = format_size if token == RAM else str
    return written(amount)
