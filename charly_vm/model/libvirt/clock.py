"""`<clock>`: what the guest's clock begins with, and the timers that it ticks by."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, StringConstraints, field_validator, model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.numbers import Count, Index, each_once
from charly_vm.model.libvirt.switches import YesNo

TimerName = Literal["pit", "rtc", "hpet", "tsc", "kvmclock", "hypervclock", "armvtimer"]


def parse_adjustment(written: object) -> object:
    """A check of its own, because a union reports an error for each of its branches."""
    if written == "reset" or (isinstance(written, int) and not isinstance(written, bool)):
        return written
    raise ValueError(f"{written!r} is neither a number of seconds nor `reset`")


Adjustment = Annotated[int | Literal["reset"], BeforeValidator(parse_adjustment)]
"""A number of seconds, or `reset`."""

TICK_POLICIES = {
    "rtc": ("delay", "catchup"),
    "pit": ("delay", "catchup", "discard"),
    "armvtimer": ("delay", "discard"),
}
"""What QEMU can do of libvirt's delay, catchup, merge and discard."""


class Timer(Model):
    """One timer. Which keys it has depends on its name."""

    name: TimerName
    """Which it is."""
    present: YesNo | None = None
    """Whether the guest has it."""
    track: Literal["guest", "wall", "realtime"] | None = None
    """Of rtc: what it follows."""
    tickpolicy: Literal["delay", "catchup", "discard"] | None = None
    """Of rtc, pit and armvtimer: what becomes of ticks that the host was late for."""
    frequency: Count | None = None
    """Of tsc, in Hz."""
    mode: Literal["auto", "native", "emulate", "paravirt", "smpsafe"] | None = None
    """Of tsc: how it is read."""

    @model_validator(mode="after")
    def _has_what_its_name_allows(self) -> Self:
        if self.track is not None and self.name != "rtc":
            raise ValueError(f"track belongs to rtc, not to {self.name}")
        for key in ("frequency", "mode"):
            if getattr(self, key) is not None and self.name != "tsc":
                raise ValueError(f"{key} belongs to tsc, not to {self.name}")
        if self.tickpolicy is not None:
            if self.name not in TICK_POLICIES:
                raise ValueError(f"{self.name} has no tickpolicy")
            if self.tickpolicy not in (known := TICK_POLICIES[self.name]):
                raise ValueError(f"the tickpolicy of {self.name} is {' or '.join(known)}")
        return self


class Clock(Model):
    """What the guest's clock begins with."""

    offset: Literal["utc", "localtime", "timezone", "variable", "absolute"] = "utc"
    """What it is counted from."""
    timezone: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.+/-]+$")] | None = None
    """With offset timezone: `Europe/Berlin`."""
    adjustment: Adjustment | None = None
    """Seconds that are added, or `reset` to forget at each start what the guest has set."""
    basis: Literal["utc", "localtime"] | None = None
    """What `adjustment` is counted from with offset variable."""
    start: Index | None = None
    """With offset absolute: seconds since 1970."""
    timers: tuple[Timer, ...] = ()
    """The timers that it ticks by, each once."""

    @field_validator("timers")
    @classmethod
    def _sets_each_timer_once(cls, value: tuple[Timer, ...]) -> tuple[Timer, ...]:
        return each_once(value, [one.name for one in value], "timer")

    @model_validator(mode="after")
    def _fits_its_offset(self) -> Self:
        if self.timezone is not None and self.offset != "timezone":
            raise ValueError("timezone needs `offset: timezone`")
        if self.offset == "timezone" and self.timezone is None:
            raise ValueError("offset timezone needs one: `timezone: Europe/Berlin`")
        if self.basis is not None and self.offset != "variable":
            raise ValueError("basis needs `offset: variable`")
        if self.adjustment is not None and self.offset in ("timezone", "absolute"):
            raise ValueError(f"adjustment has no meaning with offset {self.offset}")
        if self.adjustment == "reset" and self.offset == "variable":
            raise ValueError("with offset variable the adjustment is a number of seconds")
        if (self.start is None) == (self.offset == "absolute"):
            raise ValueError("`offset: absolute` and `start` belong together")
        return self
