"""The verbs of steps: one model of arguments each, and the names of those that are not ours."""

from charly_vm.model.verbs.changes import (
    CopyVerb,
    DownloadVerb,
    LinkVerb,
    MkdirVerb,
    SetcapVerb,
    WriteVerb,
)
from charly_vm.model.verbs.command import CommandVerb, MatchingVerb
from charly_vm.model.verbs.network import AddrVerb, DnsVerb, HttpVerb, PortVerb
from charly_vm.model.verbs.probes import LibvirtVerb, SpiceVerb
from charly_vm.model.verbs.state import (
    FileVerb,
    GroupVerb,
    InterfaceVerb,
    KernelParamVerb,
    MountVerb,
    PackageVerb,
    ProcessVerb,
    ServiceVerb,
    UserVerb,
)
from charly_vm.model.verbs.verb import Verb

VERBS: dict[str, type[Verb]] = {
    verb.name: verb
    for verb in (
        *(FileVerb, CommandVerb, PackageVerb, ServiceVerb, PortVerb, ProcessVerb, UserVerb),
        *(GroupVerb, InterfaceVerb, MountVerb, KernelParamVerb, AddrVerb, DnsVerb, HttpVerb),
        *(LibvirtVerb, SpiceVerb, MatchingVerb),
        *(MkdirVerb, CopyVerb, WriteVerb, LinkVerb, DownloadVerb, SetcapVerb),
    )
}

FOREIGN_VERBS = frozenset(
    {
        *("adb", "appium", "build", "cdp", "config", "dbus", "helm", "kill"),
        *("kube", "kubevirt", "mcp", "record", "summarize", "tmux", "vnc", "wl"),
    }
)
"""Verbs of the wider ecosystem that are known not to be one of ours misspelt."""

ARGUMENTS = frozenset(key for verb in VERBS.values() for key in verb.known_keys()) - VERBS.keys()
"""Every argument of any verb, which therefore is no verb itself."""

__all__ = [
    "ARGUMENTS",
    "FOREIGN_VERBS",
    "VERBS",
    "AddrVerb",
    "CommandVerb",
    "CopyVerb",
    "DnsVerb",
    "DownloadVerb",
    "FileVerb",
    "GroupVerb",
    "HttpVerb",
    "InterfaceVerb",
    "KernelParamVerb",
    "LibvirtVerb",
    "LinkVerb",
    "MatchingVerb",
    "MkdirVerb",
    "MountVerb",
    "PackageVerb",
    "PortVerb",
    "ProcessVerb",
    "ServiceVerb",
    "SetcapVerb",
    "SpiceVerb",
    "UserVerb",
    "Verb",
    "WriteVerb",
]
