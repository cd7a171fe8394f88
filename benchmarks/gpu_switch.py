"""What a switch of a card costs over the bare commands it consists of, in the emulated GPU host.

The figure: under 0.5 s of the host's own time. The lab emulates its CPU, on which everything takes
several times as long: how many is measured by a bare start of Python here and there, and the figure
is divided by it.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from platformdirs import user_cache_path

from charly_vm.host.process import run

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests/lab"))

from gpu_lab import Lab, running_lab

ROUNDS = 5
LIMIT = 0.5
FIRST = "0000:01:00"

_BIND = """\
bind() {
    cd /sys/bus/pci/devices/$1
    [ ! -e driver ] || echo $1 >driver/unbind
    echo $2 >driver_override
    echo $1 >/sys/bus/pci/drivers_probe
    echo >driver_override
}
"""
TO_VFIO = f"""\
{_BIND}
modprobe vfio-pci
for module in nvidia_drm nvidia_modeset nvidia_uvm nvidia; do
    [ ! -e /sys/module/$module ] || rmmod $module
done
bind {FIRST}.0 vfio-pci
bind {FIRST}.1 vfio-pci
for module in nvidia nvidia_uvm nvidia_modeset nvidia_drm; do modprobe $module; done
"""
TO_NVIDIA = f"{_BIND}\nmodprobe nvidia\nbind {FIRST}.0 nvidia\nbind {FIRST}.1 snd_hda_intel\n"

# The same steps by the helper, without the start of the command that asks for them.
SWITCH = """\
import sys, time, json
from charly_vm.gpu.cards import Mode
from charly_vm.gpu.plan import plan_switch
from charly_vm.gpu.situation import observe
from charly_vm.gpu.switch import switch
from charly_vm.machine.gpu_switch import find_card

took = []
for target in ("vfio", "nvidia"):
    began = time.monotonic()
    switch(plan_switch(observe(find_card(sys.argv[1], None)), Mode(target)))
    took.append(time.monotonic() - began)
print(json.dumps(took))
"""


def main() -> None:
    with running_lab(user_cache_path("charly-tests")) as lab:
        lab.reset()
        lab.run("modprobe -a nvidia_uvm nvidia_modeset nvidia_drm")
        bare: list[float] = []
        ours: list[float] = []
        for _ in range(ROUNDS):
            bare.append(_in_lab(lab, TO_VFIO) + _in_lab(lab, TO_NVIDIA))
            ours.append(sum(lab.python(SWITCH, f"{FIRST}.0", timeout=300)))
        slower = _python_start(lab) / _seconds_here()
    overhead = (statistics.median(ours) - statistics.median(bare)) / 2
    print(f"bare commands, one way   {statistics.median(bare) / 2:6.2f} s in the lab")
    print(f"by charly, one way       {statistics.median(ours) / 2:6.2f} s in the lab")
    print(f"the lab is slower        {slower:6.1f} times")
    verdict = "good" if overhead / slower < LIMIT else "TOO SLOW"
    print(f"overhead of a switch     {overhead / slower:6.2f} s (limit {LIMIT} s: {verdict})")


def _in_lab(lab: Lab, script: str) -> float:
    """By the lab's own clock."""
    clock = "read -r {} _ </proc/uptime\n"
    text = f"{clock.format('before')}{script}\n{clock.format('after')}echo $before $after"
    said = lab.root.script(text)
    before, after = said.split()[-2:]
    return float(after) - float(before)


def _python_start(lab: Lab) -> float:
    return statistics.median(_in_lab(lab, "python3 -c pass") for _ in range(ROUNDS))


def _seconds_here() -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        run([sys.executable, "-c", "pass"], timeout=60)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    main()
