"""What in a libvirt block does not fit the machine that it is for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from charly_vm.model.libvirt import LibvirtDomain, Surroundings, find_problems

PC = Surroundings(
    cpus=4,
    ram=4 * 1024**3,
    architecture="x86_64",
    machine="q35",
    accelerator="kvm",
    uefi=True,
    host_cpus=8,
)
TCG = replace(PC, accelerator="tcg")
ARM = replace(PC, architecture="aarch64", machine="virt")
SESSION = replace(PC, session=True)
SECURE = replace(PC, smm=True)

Block = dict[str, Any]

CELLS = [{"cpus": "0-1", "memory": "2G"}, {"cpus": "2,3", "memory": "2G"}]


def problems(block: Block, around: Surroundings = PC) -> list[str]:
    return find_problems(LibvirtDomain.model_validate(block), around)


@pytest.mark.parametrize("around", [PC, TCG, ARM, SESSION, SECURE])
def test_a_block_that_says_nothing_fits_every_machine(around: Surroundings) -> None:
    assert problems({}, around) == []


@pytest.mark.parametrize(
    ("block", "around"),
    [
        ({"cpu": {"mode": "host-passthrough", "topology": {"cores": 2, "threads": 2}}}, PC),
        ({"cpu": {"numa": CELLS}, "memory_backing": {"hugepages": {"size": 2, "nodeset": 1}}}, PC),
        ({"memory_backing": {"hugepages": {"size": 2048}}}, PC),
        (
            {
                "cpu": {"numa": CELLS},
                "numatune": {"memnode": [{"cellid": 1, "mode": "strict", "nodeset": 7}]},
            },
            PC,
        ),
        (
            {
                "iothreads": 2,
                "cputune": {
                    "vcpupin": [{"vcpu": 3, "cpuset": "4-7"}],
                    "iothreadpin": [{"iothread": 2, "cpuset": 0}],
                    "emulatorpin": {"cpuset": 7},
                },
            },
            SESSION,
        ),
        ({"features": {"smm": "on"}}, SECURE),
        ({"clock": {"timers": [{"name": "hpet", "present": "no"}, {"name": "rtc"}]}}, ARM),
        ({"clock": {"timers": [{"name": "armvtimer", "present": "yes"}]}}, ARM),
        ({"launch_security": {"type": "sev"}}, PC),
        ({"features": {"kvm": {"hidden": "on"}, "hyperv": {"relaxed": "on"}}}, TCG),
        ({"memtune": {"hard_limit": "8G"}, "resource": {"partition": "/beds"}}, PC),
    ],
    ids=repr,
)
def test_what_fits_has_no_problem(block: Block, around: Surroundings) -> None:
    assert problems(block, around) == []


@pytest.mark.parametrize(
    ("block", "around", "found"),
    [
        (
            {"cpu": {"topology": {"sockets": 2, "cores": 4}}},
            PC,
            "cpu.topology: makes 8 vCPUs, and the machine has 4",
        ),
        (
            {"cpu": {"mode": "host-passthrough"}},
            TCG,
            "cpu.mode: host-passthrough needs KVM; leave it out, or write maximum",
        ),
        (
            {"cpu": {"cache": {"mode": "disable"}}},
            ARM,
            "cpu.cache: has no meaning on aarch64",
        ),
        (
            {"cpu": {"numa": [{"cpus": "0-3", "memory": "2G"}]}},
            PC,
            "cpu.numa: its nodes have 2G together, and the machine has 4G",
        ),
        (
            {"cpu": {"numa": [{"cpus": "0-4", "memory": "4G"}]}},
            PC,
            "cpu.numa: its nodes have to share the vCPUs 0 to 3 among them, each on one node",
        ),
        (
            {"cpu": {"numa": [CELLS[0], {"cpus": "1-3", "memory": "2G"}]}},
            PC,
            "cpu.numa: its nodes have to share the vCPUs 0 to 3 among them, each on one node",
        ),
        (
            {"numatune": {"memnode": [{"cellid": 2, "mode": "strict", "nodeset": 0}]}},
            PC,
            "numatune.memnode: there is no node 2 in cpu.numa",
        ),
        (
            {"memory_backing": {"hugepages": {"size": 2048, "nodeset": "0-1"}}},
            PC,
            "memory_backing.hugepages: there is no node 1 in cpu.numa",
        ),
        ({"features": {"smm": "on"}}, ARM, "features.smm: has no meaning on aarch64"),
        ({"features": {"vmport": "off"}}, ARM, "features.vmport: has no meaning on aarch64"),
        (
            {"features": {"ibs": "broken"}},
            PC,
            "features.ibs: is of POWER alone, and has no meaning on x86_64",
        ),
        (
            {},
            replace(SECURE, machine="pc"),
            "machine: the firmware uefi-secure needs q35, not pc",
        ),
        (
            {"clock": {"timers": [{"name": "armvtimer", "tickpolicy": "discard"}]}},
            PC,
            "clock.timers: armvtimer needs aarch64 under KVM",
        ),
        (
            {"clock": {"timers": [{"name": "kvmclock", "present": "yes"}]}},
            ARM,
            "clock.timers: kvmclock needs x86",
        ),
        (
            {"cputune": {"vcpupin": [{"vcpu": 4, "cpuset": 0}]}},
            PC,
            "cputune.vcpupin: 4 does not exist; there are vCPUs 0 to 3",
        ),
        (
            {"cputune": {"vcpusched": [{"vcpus": "3-4", "scheduler": "idle"}]}},
            PC,
            "cputune.vcpusched: 4 does not exist; there are vCPUs 0 to 3",
        ),
        (
            {"cputune": {"iothreadpin": [{"iothread": 1, "cpuset": 0}]}},
            PC,
            "cputune.iothreadpin: 1 does not exist; `iothreads` is not set",
        ),
        (
            {
                "iothreads": 2,
                "cputune": {"iothreadsched": [{"iothreads": "1-3", "scheduler": "idle"}]},
            },
            PC,
            "cputune.iothreadsched: 3 does not exist; there are I/O threads 1 to 2",
        ),
        (
            {"cputune": {"emulatorpin": {"cpuset": "7-8"}}},
            PC,
            "cputune.cpuset: 8 does not exist; this host has CPUs 0 to 7",
        ),
        (
            {"cputune": {"iothread_quota": 5000}},
            SESSION,
            "cputune.iothread_quota: needs libvirt's system daemon; a session daemon cannot limit "
            "a machine",
        ),
        (
            {"memtune": {"soft_limit": "1G"}},
            SESSION,
            "memtune.soft_limit: needs libvirt's system daemon; a session daemon cannot limit "
            "a machine",
        ),
        (
            {"resource": {"partition": "/beds"}},
            SESSION,
            "resource.partition: needs libvirt's system daemon; a session daemon cannot limit "
            "a machine",
        ),
        (
            {"launch_security": {"type": "sev-snp"}},
            TCG,
            "launch_security: sev-snp is of the processor, and needs KVM on x86_64",
        ),
        (
            {"launch_security": {"type": "tdx"}},
            replace(PC, uefi=False),
            "launch_security: tdx needs UEFI; write `firmware: uefi-insecure`",
        ),
    ],
    ids=repr,
)
def test_what_does_not_fit_is_named_with_its_key(
    block: Block, around: Surroundings, found: str
) -> None:
    assert problems(block, around) == [found]


def test_all_problems_are_found_at_once() -> None:
    block = {"cpu": {"mode": "host-passthrough", "topology": {}}, "features": {"ibs": "broken"}}
    assert len(problems(block, TCG)) == 3
