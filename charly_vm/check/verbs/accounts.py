"""`user` and `unix_group`: the guest's accounts."""

from __future__ import annotations

import shlex

from charly_vm.check.call import Call
from charly_vm.check.guest_view import text
from charly_vm.check.matchers import Mismatch
from charly_vm.model.verbs import GroupVerb, UserVerb

# busybox has no getent.
_ASK = """\
if command -v getent >/dev/null; then getent {database} {name}
else grep -e {line} /etc/{database}; fi
"""


def user(verb: UserVerb, call: Call) -> list[Mismatch]:
    entry = _find("passwd", verb.user, call)
    if not entry:
        return [Mismatch(f"user {verb.user}", "present", "absent")]
    _, _, uid, gid, _, home, shell = entry
    wanted = {"uid": (verb.uid, uid), "gid": (verb.gid, gid)}
    return _compare(
        f"user {verb.user}", wanted | {"home": (verb.home, home), "shell": (verb.shell, shell)}
    )


def unix_group(verb: GroupVerb, call: Call) -> list[Mismatch]:
    entry = _find("group", verb.unix_group, call)
    if not entry:
        return [Mismatch(f"group {verb.unix_group}", "present", "absent")]
    return _compare(f"group {verb.unix_group}", {"gid": (verb.gid, entry[2])})


def _find(database: str, name: str, call: Call) -> list[str]:
    """The fields of passwd(5) or group(5); none where the name is not there."""
    asked = _ASK.format(database=database, name=shlex.quote(name), line=shlex.quote(f"^{name}:"))
    call.output = text(call.look(asked).stdout)
    fields = call.output.partition("\n")[0].split(":")
    # getent also answers to a number.
    return fields if fields[0] == name else []


def _compare(what: str, wanted: dict[str, tuple[object, str]]) -> list[Mismatch]:
    return [
        Mismatch(f"{field} of {what}", str(expected), found)
        for field, (expected, found) in wanted.items()
        if expected is not None and str(expected) != found
    ]
