"""`package`: asked of whichever package manager the guest has."""

from __future__ import annotations

import re
import shlex

from charly_vm.check.call import Call
from charly_vm.check.guest_view import text
from charly_vm.check.matchers import Mismatch
from charly_vm.model.verbs import PackageVerb

_ASK = """\
name={name}
if command -v dpkg-query >/dev/null; then
  dpkg-query --show --showformat='${{db:Status-Status}} ${{Version}}\\n' "$name" 2>/dev/null |
    sed -n 's/^installed //p'
elif command -v rpm >/dev/null; then
  rpm --query --queryformat '%{{EPOCHNUM}}:%{{VERSION}}-%{{RELEASE}}\\n' "$name" || exit 0
elif command -v pacman >/dev/null; then
  pacman --query "$name" 2>/dev/null | sed 's/^[^ ]* //'
elif command -v apk >/dev/null; then
  apk info --exists --verbose "$name" 2>/dev/null | sed "s/^$name-//"
else
  exit 127
fi
"""
"""The version, or nothing where the package is not installed."""


def package(verb: PackageVerb, call: Call) -> list[Mismatch]:
    name = verb.package
    if verb.package_map:
        distribution = call.view.distribution(call.deadline.remaining())
        name = distribution.choose(verb.package_map) or name
    result = call.look(_ASK.format(name=shlex.quote(name)))
    if result.status == 127:
        raise call.impossible("the guest has none of dpkg, rpm, pacman and apk to ask")
    said = text(result.stdout)
    versions = [] if "is not installed" in said else said.split()
    call.output = versions[0] if versions else ""
    installed = bool(versions)
    words = {True: "installed", False: "not installed"}
    if installed != verb.installed:
        found = f"installed, version {call.output}" if installed else words[False]
        return [Mismatch(f"package {name}", words[verb.installed], found)]
    if not installed or not verb.version:
        return []
    if any(is_version(wanted, one) for wanted in verb.version for one in versions):
        return []
    return [Mismatch(f"version of {name}", " or ".join(verb.version), ", ".join(versions))]


def is_version(wanted: str, found: str) -> bool:
    """Whether a version that an author wrote means one that a package manager tells.

    The epoch may be left out, and the packaging's own revision: 9.2, 9.2p1-2, 1:9.2p1-2.
    """
    without_epoch = found.partition(":")[2] if re.match(r"\d+:", found) else found
    upstream = without_epoch.rpartition("-")[0] or without_epoch
    return wanted in (found, without_epoch, upstream)
