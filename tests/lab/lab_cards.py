"""The lab's cards, and how they are at a moment: read in a way that does not hang with them."""

from __future__ import annotations

from dataclasses import dataclass

from lab_shell import Shell

from charly_vm.errors import GuestError

HOST_CARD = "0000:00:05.0"
"""The host's own, which has the console."""
DEVICES = "/sys/bus/pci/devices"
DRIVERS = "/sys/bus/pci/drivers"


@dataclass(frozen=True)
class Card:
    """A display and its sound, which are one IOMMU group."""

    display: str
    audio: str
    node: str

    @property
    def functions(self) -> tuple[str, str]:
        return self.display, self.audio


CARDS = (
    Card("0000:01:00.0", "0000:01:00.1", "/dev/nvidia0"),
    Card("0000:02:00.0", "0000:02:00.1", "/dev/nvidia1"),
)

# Links first, and what hangs: where something does, driver_override would hang too. With as few
# processes as possible, each of which takes an emulated host 20 ms.
_STATE = """\
find $(printf '/sys/bus/pci/devices/%s/driver ' "$@") -maxdepth 0 -printf 'driver %h %l\\n' \
    2>/dev/null || true
for module in nvidia nvidia_uvm nvidia_modeset nvidia_drm vfio_pci; do
    [ ! -e "/sys/module/$module" ] || echo "module $module"
done
hanging=
for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    case "${line##*) }" in D*) ;; *) continue ;; esac
    pid=${line%% *}
    # Whoever waits for a disk is in the same state, and will have it in a moment.
    if grep -q -e nv_pci_remove -e device_release_driver -e mutex_lock "/proc/$pid/stack" \\
        2>/dev/null; then
        echo "hanging $pid"
        hanging=yes
    fi
done
[ -z "$hanging" ] || exit 0
for one in "$@"; do
    read -r override <"/sys/bus/pci/devices/$one/driver_override"
    echo "override $one $override"
done
"""


@dataclass(frozen=True)
class State:
    """What the cards' functions are bound to, `none` for nothing, and their overrides, `(null)` for
    none; which modules of interest are loaded; and which processes hang in the driver core.

    Where some do, there are no overrides: reading one would hang too.
    """

    drivers: dict[str, str]
    overrides: dict[str, str]
    modules: frozenset[str]
    hanging: tuple[int, ...]


def find_state(root: Shell) -> State:
    functions = [one for card in CARDS for one in card.functions]
    drivers = dict.fromkeys(functions, "none")
    overrides: dict[str, str] = {}
    modules: set[str] = set()
    hanging: list[int] = []
    for line in root.script(_STATE, *functions, timeout=20).splitlines():
        match line.split():
            case ["driver", link, target]:
                drivers[link.rpartition("/")[2]] = target.rpartition("/")[2]
            case ["override", function, name]:
                overrides[function] = name
            case ["module", name]:
                modules.add(name)
            case ["hanging", pid]:
                hanging.append(int(pid))
            case _:
                raise GuestError(f"a line that nobody wrote: {line}")
    return State(drivers, overrides, frozenset(modules), tuple(hanging))
