"""What the domain-level elements of the libvirt block accept, and what they refuse in words."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.libvirt.cpu import NumaCell
from charly_vm.model.libvirt.features import Spinlocks
from charly_vm.model.libvirt.memory_backing import HugePage
from charly_vm.model.libvirt.seclabel import SecLabel

Block = dict[str, Any]

GOOD: list[Block] = [
    {},
    {"features": {"hyperv": {"stimer": "on", "spinlocks": "off", "tlbflush": {"direct": True}}}},
    {"features": {"acpi": False, "smm": "yes", "kvm": {"hidden": True, "dirty_ring_size": 1024}}},
    {"cpu": {"cache": {"mode": "emulate", "level": 3}, "numa": [{"memory": 5, "unit": "GiB"}]}},
    {"clock": {"offset": "variable", "adjustment": -5, "basis": "utc"}},
    {"clock": {"adjustment": "reset", "timers": [{"name": "hpet", "present": "no"}]}},
    {"memory_backing": {"hugepages": "on"}},
    {"memory_backing": {"hugepages": {"size": "1G"}}},
    {"memory_backing": {"hugepages": [{"size": 2048, "nodeset": "0-1"}]}},
    {"cputune": {"quota": -1, "vcpupin": [{"vcpu": 0, "cpuset": 3}]}},
    {"seclabel": {"type": "none"}},
    {"seclabel": [{"type": "none", "model": "dac"}, {"model": "selinux", "baselabel": "b"}]},
    {"launch_security": {"type": "sev", "policy": "0x5"}},
    {"launch_security": {"type": "sev-snp", "policy": 0x30000}},
    {"xml_passthrough": "<panic/>", "snippets": ["<panic/>"]},
    {"xml_passthrough": ["<panic/>", "<title>t</title>"]},
]

MISSPELT: list[tuple[Block, str]] = [
    ({"featurs": {}}, "did you mean 'features'"),
    ({"features": {"smn": "on"}}, "did you mean 'smm'"),
    ({"features": {"hyperv": {"stimers": "on"}}}, "did you mean 'stimer'"),
    ({"features": {"hyperv": {"stimer": {"directly": "on"}}}}, "did you mean 'direct'"),
    ({"features": {"kvm": {"hiden": "on"}}}, "did you mean 'hidden'"),
    ({"cpu": {"topologie": {}}}, "did you mean 'topology'"),
    ({"cpu": {"numa": [{"memory": 1, "memacces": "shared"}]}}, "did you mean 'memaccess'"),
    ({"clock": {"timer": []}}, "did you mean 'timers'"),
    ({"memory_backing": {"hugepages": {"size": 2, "nodes": 0}}}, "did you mean 'nodeset'"),
    ({"numatune": {"memory": {"nodesets": 0}}}, "did you mean 'nodeset'"),
    ({"cputune": {"vcpupin": [{"cpu": 0, "cpuset": 0}]}}, "did you mean 'vcpu'"),
    ({"seclabel": {"typ": "none"}}, "did you mean 'type'"),
    ({"launch_security": {"type": "sev", "sesion": "x"}}, "did you mean 'session'"),
    ({"resource": {"fibrechannel": {"appids": "x"}}}, "did you mean 'appid'"),
    ({"sysinfo": {"baseBoard": {}}}, "did you mean 'baseboard'"),
    ({"sysinfo": {"system": {"uuid": "x"}}}, "unknown key 'uuid'"),
]
"""A key that is refused by the models is refused by the JSON Schema as well."""

OF_ANOTHER_TYPE: list[tuple[Block, str]] = [
    ({"features": {"smm": "perhaps"}}, "is on or off"),
    ({"features": {"ibs": "fixed"}}, "'fixed-ibs'"),
    ({"features": {"hyperv": {"spinlocks": {"retries": 12}}}}, "greater than or equal to 4095"),
    ({"features": {"hyperv": {"vendor_id": {"value": "a,b"}}}}, "pattern"),
    ({"cpu": {"mode": "host"}}, "host-passthrough"),
    ({"cpu": {"topology": {"cores": 0}}}, "greater than or equal to 1"),
    ({"cpu": {"topology": {"cores": "2"}}}, "valid integer"),
    ({"cpu": {"topology": {"cores": True}}}, "valid integer"),
    ({"cpu": {"cache": {"mode": "emulate", "level": 4}}}, "1, 2 or 3"),
    ({"cpu": {"numa": [{"cpus": "0"}]}}, "Field required"),
    ({"clock": {"timers": [{"name": "platform"}]}}, "'pit', 'rtc'"),
    ({"clock": {"adjustment": 1.5}}, "neither a number of seconds"),
    ({"cputune": {"period": 1}}, "greater than or equal to 1000"),
    ({"cputune": {"emulatorpin": {"cpuset": "x"}}}, "not a set of numbers"),
    ({"memtune": {"hard_limit": "lots"}}, "not a size"),
    ({"launch_security": {"type": "sgx"}}, "'sev', 'sev-es'"),
    ({"launch_security": {"type": "sev", "policy": "strict"}}, "not a policy"),
    ({"resource": {"partition": "machine"}}, "pattern"),
    ({"sysinfo": {"type": "fwcfg"}}, "'smbios'"),
    ({"sysinfo": {"bios": {"date": "2026-11-24"}}}, "pattern"),
    ({"iothreads": 0}, "greater than or equal to 1"),
]

UNFIT: list[tuple[Block, str]] = [
    ({"features": {"hyperv": {"vendor_id": {"state": "on"}}}}, "needs a value"),
    ({"features": {"hyperv": {"mode": "passthrough", "ipi": "on"}}}, "leave out the rest"),
    ({"features": {"kvm": {"dirty_ring_size": 4095}}}, "power of two"),
    ({"cpu": {"mode": "custom"}}, "needs a model"),
    ({"cpu": {"mode": "maximum", "model": "Nehalem"}}, "needs mode custom"),
    ({"cpu": {"model": "Nehalem", "migratable": "on"}}, "migratable needs"),
    ({"cpu": {"model": "Nehalem", "cache": {"mode": "passthrough"}}}, "cache of mode passthrough"),
    ({"cpu": {"cache": {"mode": "emulate", "level": 2}}}, "level 3 alone"),
    ({"cpu": {"cache": {"mode": "disable", "level": 3}}}, "no meaning in mode disable"),
    ({"cpu": {"features": [{"name": "aes"}, {"name": "aes"}]}}, "feature aes is there twice"),
    ({"cpu": {"numa": [{"id": 1, "memory": 1}]}}, "0, 1, 2"),
    ({"cpu": {"numa": [{"id": 0, "memory": 1}, {"memory": 1}]}}, "on every node or on none"),
    ({"clock": {"timezone": "Europe/Berlin"}}, "offset: timezone"),
    ({"clock": {"offset": "timezone"}}, "needs one"),
    ({"clock": {"basis": "utc"}}, "offset: variable"),
    ({"clock": {"offset": "variable", "adjustment": "reset"}}, "number of seconds"),
    ({"clock": {"offset": "absolute"}}, "belong together"),
    ({"clock": {"start": 3}}, "belong together"),
    ({"clock": {"offset": "absolute", "start": 3, "adjustment": 1}}, "no meaning with offset"),
    ({"clock": {"timers": [{"name": "rtc"}, {"name": "rtc"}]}}, "timer rtc is there twice"),
    ({"clock": {"timers": [{"name": "hpet", "track": "wall"}]}}, "track belongs to rtc"),
    ({"clock": {"timers": [{"name": "rtc", "frequency": 1}]}}, "frequency belongs to tsc"),
    ({"clock": {"timers": [{"name": "rtc", "mode": "native"}]}}, "mode belongs to tsc"),
    ({"clock": {"timers": [{"name": "rtc", "tickpolicy": "discard"}]}}, "delay or catchup"),
    ({"clock": {"timers": [{"name": "hpet", "tickpolicy": "delay"}]}}, "hpet has no tickpolicy"),
    ({"memtune": {"hard_limit": "2G", "swap_hard_limit": "1G"}}, "memory and swap together"),
    ({"numatune": {"memory": {"mode": "strict"}}}, "needs a nodeset"),
    ({"numatune": {"memory": {"placement": "auto", "nodeset": 0}}}, "leave out nodeset"),
    (
        {
            "numatune": {
                "memory": {"placement": "auto"},
                "memnode": [{"cellid": 0, "mode": "strict", "nodeset": 0}],
            }
        },
        "does not go with",
    ),
    (
        {
            "numatune": {
                "memory": {"nodeset": 0},
                "memnode": [{"cellid": 0, "mode": "restrictive", "nodeset": 0}],
            }
        },
        "for memory and every memnode or for none",
    ),
    (
        {"numatune": {"memnode": [{"cellid": 0, "mode": "strict", "nodeset": 0}] * 2}},
        "memnode for node 0 is there twice",
    ),
    ({"cputune": {"quota": 5}}, "at least 1000"),
    ({"cputune": {"vcpupin": [{"vcpu": 1, "cpuset": 0}] * 2}}, "vCPU 1 is there twice"),
    ({"cputune": {"iothreadpin": [{"iothread": 1, "cpuset": 0}] * 2}}, "thread 1 is there twice"),
    ({"cputune": {"emulatorsched": {"scheduler": "fifo"}}}, "which need it"),
    ({"cputune": {"emulatorsched": {"scheduler": "idle", "priority": 1}}}, "which need it"),
    ({"seclabel": {"type": "static"}}, "label belongs to type static"),
    ({"seclabel": {"label": "x"}}, "label belongs to type static"),
    ({"seclabel": {"type": "none", "model": "dac", "baselabel": "x"}}, "needs type dynamic"),
    ({"seclabel": {"baselabel": "x"}}, "needs the model"),
    ({"seclabel": {"relabel": "no"}}, "always relabels"),
    ({"seclabel": {"type": "none", "relabel": "yes"}}, "never relabels"),
    ({"launch_security": {"type": "sev-snp", "session": "x"}}, "no meaning with type sev-snp"),
    ({"launch_security": {"type": "tdx", "cbitpos": 1}}, "no meaning with type tdx"),
]


@pytest.mark.parametrize("written", GOOD, ids=repr)
def test_a_good_block_is_good_for_an_editor_too(written: Block) -> None:
    LibvirtDomain.model_validate(written)
    _validator().validate(written)


@pytest.mark.parametrize(("written", "reason"), [*MISSPELT, *OF_ANOTHER_TYPE], ids=repr)
def test_a_wrong_key_or_type_is_refused_by_an_editor_too(written: Block, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        LibvirtDomain.model_validate(written)
    with pytest.raises(jsonschema.ValidationError):
        _validator().validate(written)


@pytest.mark.parametrize(("written", "reason"), UNFIT, ids=repr)
def test_what_does_not_fit_together_is_refused_with_the_reason(written: Block, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        LibvirtDomain.model_validate(written)


def test_a_bare_switch_stands_for_its_state() -> None:
    hyperv = read({"features": {"hyperv": {"spinlocks": "on", "stimer": False}}}).features.hyperv
    assert hyperv is not None
    assert hyperv.spinlocks == Spinlocks(state="on", retries=8191)
    assert hyperv.stimer is not None
    assert hyperv.stimer.state == "off"


def test_numa_nodes_are_numbered_in_the_order_they_are_written_in() -> None:
    cells = read({"cpu": {"numa": [{"memory": "1G"}, {"memory": 3, "unit": "MiB"}]}}).cpu.numa
    assert [(one.id, one.memory) for one in cells] == [(0, 1024**3), (1, 3 * 1024**2)]
    assert all(isinstance(one, NumaCell) for one in cells)


@pytest.mark.parametrize(
    ("written", "pages"),
    [
        ("on", ()),
        (True, ()),
        ("off", None),
        ("No", None),
        (False, None),
        ({"size": "2M"}, (HugePage.model_validate({"size": 2048}),)),
    ],
)
def test_huge_pages_are_of_the_hosts_size_or_of_those_named(written: object, pages: object) -> None:
    backing = read({"memory_backing": {"hugepages": written}}).memory_backing
    assert backing is not None
    assert backing.hugepages == pages


def test_one_security_label_needs_no_list() -> None:
    assert read({"seclabel": {"type": "none"}}).seclabel == (SecLabel(type="none"),)


def read(block: Block) -> LibvirtDomain:
    return LibvirtDomain.model_validate(block)


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(LibvirtDomain.model_json_schema())
