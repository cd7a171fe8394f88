"""What each verb does: a function from its arguments and a `Call` to what does not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from charly_vm.check.call import Call
from charly_vm.check.matchers import Mismatch
from charly_vm.check.verbs.accounts import unix_group, user
from charly_vm.check.verbs.changes import copy, download, link, mkdir, setcap, write
from charly_vm.check.verbs.command import command, matching
from charly_vm.check.verbs.file import file
from charly_vm.check.verbs.http import http
from charly_vm.check.verbs.kernel import interface, kernel_param, mount, process
from charly_vm.check.verbs.network import addr, dns, port
from charly_vm.check.verbs.packages import package
from charly_vm.check.verbs.probes import probe
from charly_vm.check.verbs.services import service
from charly_vm.model.verbs import (
    AddrVerb,
    CommandVerb,
    CopyVerb,
    DnsVerb,
    DownloadVerb,
    FileVerb,
    GroupVerb,
    HttpVerb,
    InterfaceVerb,
    KernelParamVerb,
    LibvirtVerb,
    LinkVerb,
    MatchingVerb,
    MkdirVerb,
    MountVerb,
    PackageVerb,
    PortVerb,
    ProcessVerb,
    ServiceVerb,
    SetcapVerb,
    SpiceVerb,
    UserVerb,
    WriteVerb,
)

RUNNERS: dict[type, Callable[[Any, Call], list[Mismatch]]] = {
    AddrVerb: addr,
    CommandVerb: command,
    CopyVerb: copy,
    DnsVerb: dns,
    DownloadVerb: download,
    FileVerb: file,
    GroupVerb: unix_group,
    HttpVerb: http,
    InterfaceVerb: interface,
    KernelParamVerb: kernel_param,
    LibvirtVerb: probe,
    LinkVerb: link,
    MatchingVerb: matching,
    MkdirVerb: mkdir,
    MountVerb: mount,
    PackageVerb: package,
    PortVerb: port,
    ProcessVerb: process,
    ServiceVerb: service,
    SetcapVerb: setcap,
    SpiceVerb: probe,
    UserVerb: user,
    WriteVerb: write,
}
"""By the model of the arguments."""

SILENT = frozenset(
    {AddrVerb, CopyVerb, DownloadVerb, InterfaceVerb, LinkVerb, MkdirVerb, MountVerb, PortVerb}
    | {ProcessVerb, SetcapVerb, WriteVerb}
)
"""Those that find nothing which a variable could keep."""
