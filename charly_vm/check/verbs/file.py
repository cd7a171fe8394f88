"""`file`: a path in the guest, by GNU's or busybox's stat."""

from __future__ import annotations

import shlex

from charly_vm.check.call import Call
from charly_vm.check.guest_view import text
from charly_vm.check.matchers import Mismatch, match
from charly_vm.model.verbs import FileVerb

_TYPES = {
    "file": ("regular file", "regular empty file"),
    "directory": ("directory",),
    "symlink": ("symbolic link",),
}
"""What GNU and busybox stat(1) call them."""


def file(verb: FileVerb, call: Call) -> list[Mismatch]:
    path = shlex.quote(verb.file)
    # The path itself may be a link that leads nowhere, and yet be what is asked for.
    follow = "" if verb.filetype == "symlink" else "-L "
    # The kind is always that of the path itself.
    ask = f"stat {follow}-c '%a %U %G' -- {path} && stat -c %F -- {path}"
    result = call.look(ask, as_root=True)
    if result.status != 0:
        reason = text(result.stderr)
        # Anything but these means that stat could not look, which proves nothing.
        absent = reason.endswith(("No such file or directory", "Not a directory"))
        if absent and not verb.exists:
            return []
        return [Mismatch(verb.file, "present" if verb.exists else "absent", reason)]
    if not verb.exists:
        return [Mismatch(verb.file, "absent", "present")]
    fields, _, kind = text(result.stdout).partition("\n")
    mode, owner, group = fields.split(" ", 2)
    found = []
    if verb.mode is not None and int(mode, 8) != int(verb.mode, 8):
        found.append(Mismatch(f"mode of {verb.file}", verb.mode, mode))
    if verb.owner is not None and owner != verb.owner:
        found.append(Mismatch(f"owner of {verb.file}", verb.owner, owner))
    if verb.group_of is not None and group != verb.group_of:
        found.append(Mismatch(f"group of {verb.file}", verb.group_of, group))
    if verb.filetype is not None and kind not in _TYPES[verb.filetype]:
        found.append(Mismatch(f"type of {verb.file}", verb.filetype, kind))
    return found + _content(verb, call)


def _content(verb: FileVerb, call: Call) -> list[Mismatch]:
    path = shlex.quote(verb.file)
    found = []
    if verb.contains is not None or call.step.modifiers.capture:
        content = call.look(f"cat -- {path}", as_root=True)
        if content.status != 0:
            return [Mismatch(verb.file, "readable", text(content.stderr))]
        call.output = text(content.stdout)
        found += match(f"content of {verb.file}", verb.contains or (), call.output)
    if verb.sha256 is not None:
        summed = call.look(f"sha256sum -- {path}", as_root=True)
        # A name with a backslash has one in front of its digest.
        digest = text(summed.stdout).split(" ")[0].removeprefix("\\")
        if digest != verb.sha256.lower():
            said = digest or text(summed.stderr)
            found.append(Mismatch(f"sha256 of {verb.file}", verb.sha256, said))
    return found
