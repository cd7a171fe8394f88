"""Which bed is begun next, so that tokens change their mode as seldom as possible and nobody waits
who need not: pure, from what beds claim and how long they are expected to take."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from charly_vm import Wish


class Mode(str, Enum):
    """In which way a token is used. A driver has to be changed between the two."""

    EXCLUSIVE = "exclusive"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class BedToRun:
    """A bed, what it claims, and how long it is expected to take."""

    name: str
    wish: Wish
    seconds: float | None = None
    """None where nobody knows."""


def modes_of(wish: Wish) -> dict[str, Mode]:
    """The mode in which a wish uses each of its tokens. A part of an amount is shared."""
    modes = dict.fromkeys((*wish.shared, *wish.amounts), Mode.SHARED)
    return modes | dict.fromkeys(wish.exclusive, Mode.EXCLUSIVE)


def choose_bed(
    waiting: Sequence[BedToRun],
    running: Mapping[str, Wish],
    modes: Mapping[str, Mode],
    capacity: Mapping[str, int],
    *,
    among: Container[str] | None = None,
) -> str | None:
    """The bed that a free worker begins next; None where each would have to wait for one that runs.

    While nothing runs, something is chosen, for others on the host the arbiter has it wait.
    `running` are those of this run, by name, `modes` are those in which tokens were used last, and
    `capacity` is how much there is of a token. With `among` only those are begun, and the others
    say what is still to come.

    Of those that need not wait: first one that leaves each token in the mode in which others still
    want it, and of those the one after whose begin the most has to follow, the bed itself included.
    """
    use = _Use(capacity)
    for wish in running.values():
        use.add(wish)
    outlook = _Outlook(waiting, modes)
    best: tuple[int, float, float] | None = None
    chosen = None
    for bed in waiting:
        if (among is not None and bed.name not in among) or use.clashes(bed.wish):
            continue
        seconds = outlook.seconds(bed)
        key = (outlook.early_flips(bed.wish), -outlook.rank(bed), -seconds)
        if best is None or key < best:
            best, chosen = key, bed.name
    return chosen


def in_batches(beds: Sequence[BedToRun]) -> list[str]:
    """The names in an order for one worker: that of the beds, but for those that would change the
    mode of a token while others still want it as it is."""
    alike: dict[_Uses, deque[int]] = {}
    for number, bed in enumerate(beds):
        alike.setdefault(tuple(sorted(modes_of(bed.wish).items())), deque()).append(number)
    modes: dict[str, Mode] = {}
    names = []
    while alike:
        wanted = {use for uses in alike for use in uses}
        rest = [(_early_flips(uses, modes, wanted), them[0], uses) for uses, them in alike.items()]
        _, number, uses = min(rest)
        names.append(beds[number].name)
        modes.update(uses)
        alike[uses].popleft()
        if not alike[uses]:
            del alike[uses]
    return names


_Uses = tuple[tuple[str, Mode], ...]


def _early_flips(
    uses: Iterable[tuple[str, Mode]],
    modes: Mapping[str, Mode],
    wanted: Container[tuple[str, Mode]],
) -> int:
    """Tokens whose mode would be changed while somebody still wants the one that they are in. Any
    other change has to come at some time."""
    return sum(
        modes.get(token, mode) is not mode and (token, modes[token]) in wanted
        for token, mode in uses
    )


@dataclass(slots=True)
class _Use:
    """What those have that run."""

    capacity: Mapping[str, int]
    exclusive: set[str] = field(default_factory=set)
    any: set[str] = field(default_factory=set)
    amounts: dict[str, int] = field(default_factory=dict)

    def add(self, wish: Wish) -> None:
        self.exclusive.update(wish.exclusive)
        self.any.update(wish.tokens)
        for token, amount in wish.amounts.items():
            self.amounts[token] = self.amounts.get(token, 0) + self._at_most(token, amount)

    def clashes(self, wish: Wish) -> bool:
        """Whether a wish has to wait for one of them."""
        if any(token in self.any for token in wish.exclusive):
            return True
        if any(token in self.exclusive for token in (*wish.shared, *wish.amounts)):
            return True
        return any(
            token in self.capacity
            and token in self.amounts
            and self.amounts[token] + self._at_most(token, amount) > self.capacity[token]
            for token, amount in wish.amounts.items()
        )

    def _at_most(self, token: str, amount: int) -> int:
        """The arbiter takes a wish for more than there is for one for all of it."""
        return min(amount, self.capacity.get(token, amount))


class _Outlook:
    """What those that wait will want, one after the other."""

    def __init__(self, waiting: Iterable[BedToRun], modes: Mapping[str, Mode]) -> None:
        waiting = list(waiting)
        self._modes = modes
        # What nobody knows may be long, and is then better begun early.
        self._unknown = max((one.seconds for one in waiting if one.seconds is not None), default=1)
        self._wanted: set[tuple[str, Mode]] = set()
        self._alone: dict[str, float] = {}
        """Seconds of all who want a token exclusively, who come one after the other."""
        self._together: dict[str, float] = {}
        """Seconds of the longest of those who share it, who come all at once."""
        for bed in waiting:
            self._wanted.update(modes_of(bed.wish).items())
            seconds = self.seconds(bed)
            for token in bed.wish.exclusive:
                self._alone[token] = self._alone.get(token, 0) + seconds
            for token in (*bed.wish.shared, *bed.wish.amounts):
                self._together[token] = max(self._together.get(token, 0), seconds)

    def seconds(self, bed: BedToRun) -> float:
        return self._unknown if bed.seconds is None else bed.seconds

    def early_flips(self, wish: Wish) -> int:
        return _early_flips(modes_of(wish).items(), self._modes, self._wanted)

    def rank(self, bed: BedToRun) -> float:
        """Seconds from its begin to the end of what cannot run beside it, the longest path."""
        own = self.seconds(bed)
        wish = bed.wish
        paths = [own]
        paths += [self._alone[token] + self._together.get(token, 0) for token in wish.exclusive]
        paths += [own + self._alone.get(token, 0) for token in (*wish.shared, *wish.amounts)]
        return max(paths)
