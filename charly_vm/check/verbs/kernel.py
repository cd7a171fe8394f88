"""What the guest's kernel tells below /proc and /sys: processes, mounts, interfaces, sysctls."""

from __future__ import annotations

import shlex

from charly_vm.check.call import Call
from charly_vm.check.guest_view import text
from charly_vm.check.matchers import Mismatch, match
from charly_vm.model.verbs import InterfaceVerb, KernelParamVerb, MountVerb, ProcessVerb

COMM_LENGTH = 15
"""What the kernel keeps of a process's name (TASK_COMM_LEN less the end)."""


def process(verb: ProcessVerb, call: Call) -> list[Mismatch]:
    # Without ps, which a minimal guest need not have. Some end while they are looked at.
    # As root: hidepid (proc(5)) hides those of others.
    said = call.look("cat /proc/[0-9]*/comm 2>/dev/null", as_root=True)
    names = set(text(said.stdout).splitlines())
    if not names:
        return [Mismatch(f"process {verb.process}", "a list of processes in /proc", "none")]
    running = verb.process[:COMM_LENGTH] in names
    words = {True: "running", False: "not running"}
    if running == verb.running:
        return []
    return [Mismatch(f"process {verb.process}", words[verb.running], words[running])]


def mount(verb: MountVerb, call: Call) -> list[Mismatch]:
    place = verb.mount.rstrip("/") or "/"
    found = find_mount(text(call.look("cat /proc/self/mountinfo").stdout), place)
    if found is None:
        return [Mismatch(f"mount {place}", "mounted", "not mounted")]
    source, kind, options = found
    wrong = []
    if verb.mount_source is not None and verb.mount_source != source:
        wrong.append(Mismatch(f"source of {place}", verb.mount_source, source))
    if verb.filesystem is not None and verb.filesystem != kind:
        wrong.append(Mismatch(f"filesystem of {place}", verb.filesystem, kind))
    missing = [option for option in verb.opt if option not in options]
    if missing:
        wrong.append(Mismatch(f"options of {place}", ",".join(missing), ",".join(options)))
    return wrong


def find_mount(table: str, place: str) -> tuple[str, str, list[str]] | None:
    """Source, file system and options of what is mounted at a place, on top of what was there
    before; from the text of /proc/self/mountinfo (proc(5))."""
    found = None
    for line in table.splitlines():
        fields, _, rest = line.partition(" - ")
        words, behind = fields.split(), rest.split()
        if len(words) < 6 or len(behind) < 3 or _unescape(words[4]) != place:
            continue
        options = dict.fromkeys((*words[5].split(","), *behind[2].split(",")))
        found = (_unescape(behind[1]), behind[0], list(options))
    return found


def interface(verb: InterfaceVerb, call: Call) -> list[Mismatch]:
    name = shlex.quote(verb.interface)
    said = text(
        call.look(f"cat /sys/class/net/{name}/mtu && ip -o addr show dev {name}").stdout
    ).splitlines()
    if not said:
        return [Mismatch(f"interface {verb.interface}", "present", "absent")]
    wrong = []
    if verb.mtu is not None and str(verb.mtu) != said[0]:
        wrong.append(Mismatch(f"mtu of {verb.interface}", str(verb.mtu), said[0]))
    # `2: eth0    inet 10.0.2.15/24 brd …`
    addresses = [line.split()[3] for line in said[1:] if len(line.split()) > 3]
    known = {*addresses, *(one.partition("/")[0] for one in addresses)}
    missing = [one for one in verb.addrs if one not in known]
    if missing:
        shown = ", ".join(addresses) or "none"
        wrong.append(Mismatch(f"addresses of {verb.interface}", ", ".join(missing), shown))
    return wrong


def kernel_param(verb: KernelParamVerb, call: Call) -> list[Mismatch]:
    path = f"/proc/sys/{render_path(verb.kernel_param)}"
    result = call.look(f"cat {shlex.quote(path)}")
    if result.status != 0:
        return [Mismatch(verb.kernel_param, "there", text(result.stderr))]
    # Several values stand apart by tabs.
    call.output = " ".join(text(result.stdout).split())
    return match(verb.kernel_param, verb.value or (), call.output)


def render_path(name: str) -> str:
    """Of a sysctl below /proc/sys, in either notation of sysctl.d(5): the separator is what comes
    first, and a dot in a name of the other notation stands for a slash."""
    if "/" in name and ("." not in name or name.index("/") < name.index(".")):
        return name
    return name.replace(".", "\0").replace("/", ".").replace("\0", "/")


def _unescape(word: str) -> str:
    """Spaces, tabs, line ends and backslashes are octal there."""
    for escaped, plain in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(escaped, plain)
    return word
