"""What a switch consists of: a closed set of steps, each with its inverse, and how they are written
for the helper, which does nothing else as root."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from charly_vm.gpu.pci import ADDRESS

FORMAT = 1
DRIVERS = ("vfio-pci", "nvidia", "snd_hda_intel")
"""What a function is bound to in one mode or the other."""
OTHER_DRIVERS = ("xhci_hcd", "nvidia-gpu")
"""What the USB-C port of a card is on before its first switch: its controller, its I2C bus."""
HOLDING_MODULES = ("nvidia_drm", "nvidia_modeset", "nvidia_uvm", "nvidia_peermem")
"""Modules that hold nvidia, in the order in which they can be unloaded."""
MODULES = (*HOLDING_MODULES, "nvidia", "vfio-pci", "snd_hda_intel")
NVIDIA_MODULES = (*HOLDING_MODULES, "nvidia")
SERVICES = ("nvidia-persistenced.service",)
"""Keeps the card open so that it stays initialised."""


class Kind(str, Enum):
    STOP_SERVICE = "stop-service"
    START_SERVICE = "start-service"
    UNLOAD = "unload"
    """As rmmod(8) does: the kernel refuses at once where somebody uses the module."""
    LOAD = "load"
    UNBIND = "unbind"
    """Through sysfs. Never from nvidia, whose `remove` waits for its users for ever."""
    OVERRIDE = "override"
    """Say which driver alone may bind a function; an empty one takes that back."""
    BIND = "bind"
    """Have the kernel look for a driver, and see that it is the one that is meant."""
    REFRESH_CDI = "refresh-cdi"
    """Write the specification by which containers get the card."""


@dataclass(frozen=True, slots=True)
class Step:
    """One of them. Which of the fields it has depends on its kind."""

    kind: Kind
    address: str = ""
    driver: str = ""
    name: str = ""
    """Of the module or the service."""
    optional: bool = False
    """Whether the switch goes on where it cannot be done."""

    def __str__(self) -> str:
        return {
            Kind.STOP_SERVICE: f"stop {self.name}, which keeps the card open",
            Kind.START_SERVICE: f"start {self.name} again",
            Kind.UNLOAD: f"unload the module {self.name}",
            Kind.LOAD: f"load the module {self.name}",
            Kind.UNBIND: f"take {self.address} from {self.driver}",
            Kind.OVERRIDE: (
                f"let only {self.driver} have {self.address}"
                if self.driver
                else f"let any driver have {self.address} again"
            ),
            Kind.BIND: f"bind {self.address} to {self.driver}",
            Kind.REFRESH_CDI: "describe the card to containers (CDI)",
        }[self.kind]


@dataclass(frozen=True, slots=True)
class Before:
    """What was so before a step, as far as its inverse depends on it."""

    loaded: bool = False
    """Of a module."""
    active: bool = False
    """Of a service."""
    driver: str = ""
    override: str = ""
    modules: tuple[str, ...] = ()
    """NVIDIA's that were loaded and that another card needs, in the order of unloading."""


def invert(step: Step, before: Before) -> list[Step]:
    """What takes a step back, where it was done or may have been."""
    if step.kind is Kind.STOP_SERVICE:
        return [Step(Kind.START_SERVICE, name=step.name)] if before.active else []
    if step.kind is Kind.UNLOAD:
        return [Step(Kind.LOAD, name=step.name)] if before.loaded else []
    if step.kind is Kind.LOAD:
        # vfio-pci and snd_hda_intel may serve others by now, and hold nobody.
        back = step.name in NVIDIA_MODULES and not before.loaded
        return [Step(Kind.UNLOAD, name=step.name)] if back else []
    if step.kind is Kind.OVERRIDE:
        return [Step(Kind.OVERRIDE, step.address, before.override)]
    if step.driver and step.driver == before.driver and step.kind is Kind.BIND:
        return []
    if step.kind is Kind.UNBIND:
        if before.driver != step.driver:
            return []
        # The override of the way there is gone by now, and may have been none.
        return [
            Step(Kind.OVERRIDE, step.address, step.driver),
            Step(Kind.BIND, step.address, step.driver),
            Step(Kind.OVERRIDE, step.address, before.override),
        ]
    if step.kind is Kind.BIND and step.driver == "nvidia":
        unload = [Step(Kind.UNLOAD, name=name) for name in NVIDIA_MODULES]
        if not before.modules:
            return unload
        # So that the module, which another card is to have again, does not take this one as well.
        return [
            *unload,
            Step(Kind.OVERRIDE, step.address, "vfio-pci"),
            *(Step(Kind.LOAD, name=name) for name in reversed(before.modules)),
        ]
    if step.kind is Kind.BIND:
        return [Step(Kind.UNBIND, step.address, step.driver)]
    return []


@dataclass(frozen=True, slots=True)
class Order:
    """What the helper is asked to do with one IOMMU group."""

    group: int
    addresses: tuple[str, ...]
    """Every function of the group but bridges, as the plan saw it."""
    target: str
    """The mode that comes of it."""
    steps: tuple[Step, ...] = ()
    expected: Mapping[str, str] = field(default_factory=dict)
    """The driver that each function has to have in the end, other cards' included."""
    clears_poison: bool = False
    """Whether the card counts as sound again once the steps are done."""
    drivers: Mapping[str, str] = field(default_factory=dict)
    """The driver that each of the addresses had when the steps were planned; empty for none."""


class BadOrder(ValueError):
    """An order that is none; the text says why."""


def render_order(order: Order) -> str:
    return json.dumps({"format": FORMAT, **asdict(order)}) + "\n"


def read_order(text: str) -> Order:
    """An order of the closed set, or `BadOrder`. Whether its addresses are those of the group is
    for whoever can see the host."""
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise BadOrder(f"format {data['format']!r} is not {FORMAT}")
        order = Order(
            group=_number(data["group"]),
            addresses=tuple(_address(one) for one in _list(data["addresses"])),
            target=_one_of(data["target"], ("vfio", "nvidia")),
            steps=tuple(read_step(one) for one in _list(data["steps"])),
            expected={
                _address(address): _one_of(driver, DRIVERS)
                for address, driver in data["expected"].items()
            },
            clears_poison=data["clears_poison"] is True,
            drivers={_address(one): str(driver) for one, driver in data["drivers"].items()},
        )
    except BadOrder:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadOrder(f"it cannot be read: {error!r}") from None
    for step in order.steps:
        if step.address and step.address not in order.addresses:
            raise BadOrder(f"{step.address} is not of the group")
    if order.steps and order.drivers.keys() != set(order.addresses):
        raise BadOrder("it does not say for which drivers its steps were planned")
    return order


def read_step(data: Mapping[str, Any]) -> Step:
    """One step, checked against what there is. Raises `BadOrder`."""
    kind = Kind(data["kind"])
    step = Step(
        kind,
        address=str(data.get("address", "")),
        driver=str(data.get("driver", "")),
        name=str(data.get("name", "")),
        optional=data.get("optional", False) is True,
    )
    if kind in (Kind.UNBIND, Kind.OVERRIDE, Kind.BIND):
        _address(step.address)
        _one_of(step.driver, (*DRIVERS, *OTHER_DRIVERS, *([""] if kind is Kind.OVERRIDE else [])))
        if kind is Kind.UNBIND and step.driver == "nvidia":
            raise BadOrder("nvidia is left by unloading its module, and in no other way")
        wanted = {"address", "driver"}
    elif kind in (Kind.UNLOAD, Kind.LOAD):
        _one_of(step.name, NVIDIA_MODULES if kind is Kind.UNLOAD else MODULES)
        wanted = {"name"}
    elif kind in (Kind.STOP_SERVICE, Kind.START_SERVICE):
        _one_of(step.name, SERVICES)
        wanted = {"name"}
    else:
        wanted = set()
    stray = {name for name in ("address", "driver", "name") if getattr(step, name)} - wanted
    if stray:
        raise BadOrder(f"{kind.value} has no {', '.join(sorted(stray))}")
    return step


def as_data(one: Step | Before) -> dict[str, Any]:
    """What is not as it usually is; the journal does this some hundred times in a switch."""
    return {name: value for name in one.__slots__ if (value := getattr(one, name))}


def read_override(text: str) -> str:
    """What `driver_override` says: the kernel writes `(null)` for none."""
    return "" if text.strip() == "(null)" else text.strip()


def _list(value: Sequence[Any]) -> Sequence[Any]:
    if not isinstance(value, list):
        raise BadOrder(f"{value!r} is no list")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadOrder(f"{value!r} is no group")
    return value


def _address(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(ADDRESS, value):
        raise BadOrder(f"{value!r} is no PCI address")
    return value


def _one_of(value: Any, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise BadOrder(f"{value!r} is none of {', '.join(filter(None, allowed))}")
    return str(value)
