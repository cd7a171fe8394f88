"""Verbs that change the guest: directories, files, links, downloads, capabilities."""

from __future__ import annotations

import shlex
from pathlib import Path

from charly_vm.check.call import Call
from charly_vm.check.guest_view import text
from charly_vm.check.matchers import Mismatch
from charly_vm.host.files import explain_os_errors
from charly_vm.model.protocols import ShellResult
from charly_vm.model.verbs import (
    CopyVerb,
    DownloadVerb,
    LinkVerb,
    MkdirVerb,
    SetcapVerb,
    WriteVerb,
)

_UNPACK = {
    "tar.gz": "tar --extract --gzip",
    "tar.xz": "tar --extract --xz",
    "tar.zst": "tar --extract --zstd",
}


def mkdir(verb: MkdirVerb, call: Call) -> list[Mismatch]:
    path = shlex.quote(verb.mkdir)
    return _done(
        verb.mkdir, call.run(f"mkdir -p -- {path}{_mode(verb.mode, path)}", run_as=verb.run_as)
    )


def write(verb: WriteVerb, call: Call) -> list[Mismatch]:
    return _put(verb.write, verb.content.encode(), verb, call)


def copy(verb: CopyVerb, call: Call) -> list[Mismatch]:
    source = Path(call.step.file).parent / verb.copy_
    if source.is_dir():
        raise call.impossible(f"{source} is a directory; copy takes a file")
    with explain_os_errors(f"read {source}"):
        content = source.read_bytes()
    return _put(verb.to, content, verb, call)


def link(verb: LinkVerb, call: Call) -> list[Mismatch]:
    # -n: where the link is one to a directory already, it is replaced and nothing made inside.
    line = f"ln -sfn -- {shlex.quote(verb.to)} {shlex.quote(verb.link)}"
    return _done(verb.link, call.run(line, run_as=verb.run_as))


def setcap(verb: SetcapVerb, call: Call) -> list[Mismatch]:
    path = shlex.quote(verb.setcap)
    what = shlex.quote(verb.caps) if verb.caps else "-r"
    line = f"PATH=$PATH:/usr/sbin:/sbin; setcap {what} {path}"
    return _done(verb.setcap, call.run(line, run_as=verb.run_as))


def download(verb: DownloadVerb, call: Call) -> list[Mismatch]:
    fetch = f"curl --fail --silent --show-error --location -- {shlex.quote(verb.download)}"
    kind = verb.extract or "none"
    if kind == "sh":
        line = f'{_kept(fetch)} && sh "$file"'
    elif verb.to is None:
        raise call.impossible("download wants `to:`, the place in the guest")
    elif kind == "none":
        target = shlex.quote(verb.to)
        line = f'{_kept(fetch)} && cat "$file" >{target}{_mode(verb.mode, target)}'
    else:
        line = f"mkdir -p -- {shlex.quote(verb.to)} && {_kept(fetch)} && {_unpack(verb, kind)}"
    return _done(verb.download, call.run(line, run_as=verb.run_as))


def _kept(fetch: str) -> str:
    """The command with its output in `$file`, which is gone afterwards: half a download is none."""
    return f'file=$(mktemp) && trap \'rm -f "$file"\' EXIT && {fetch} >"$file"'


def _unpack(verb: DownloadVerb, kind: str) -> str:
    target = shlex.quote(verb.to or "")
    if kind == "zip":
        if not verb.strip_components:
            return f'unzip -q -o "$file" -d {target}'
        # unzip strips nothing itself.
        depth = verb.strip_components
        return (
            f'whole=$(mktemp -d) && unzip -q "$file" -d "$whole" && (cd "$whole" && '
            f"tar --create .) | tar --extract --strip-components={depth + 1} -C {target}; "
            'status=$?; rm -rf "$whole"; exit $status'
        )
    strip = f" --strip-components={verb.strip_components}" if verb.strip_components else ""
    return f'{_UNPACK[kind]} --file="$file"{strip} -C {target}'


def _put(path: str, content: bytes, verb: WriteVerb | CopyVerb, call: Call) -> list[Mismatch]:
    quoted = shlex.quote(path)
    line = f'mkdir -p -- "$(dirname -- {quoted})" && cat >{quoted}{_mode(verb.mode, quoted)}'
    return _done(path, call.run(line, run_as=verb.run_as, stdin=content))


def _mode(mode: str | None, quoted: str) -> str:
    return f" && chmod {mode} -- {quoted}" if mode else ""


def _done(what: str, result: ShellResult) -> list[Mismatch]:
    if result.status == 0:
        return []
    said = text(result.stderr) or text(result.stdout) or f"exit status {result.status}"
    return [Mismatch(what, "made", said)]
