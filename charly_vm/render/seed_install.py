"""`charly_install:` of the seed: commands that put a program into the guest."""

from __future__ import annotations

import shlex

from charly_vm.model.cloud_init import CharlyInstall

TARGET = "/usr/local/bin/charly"
SEED_NAME = "charly"
"""The file's name on the seed, beside the documents."""

_LENGTHS = {64: "sha256sum", 128: "sha512sum"}


def render_install(wish: CharlyInstall, *, copied_digest: str = "") -> list[str]:
    """The command, or none. Where it fails nothing after it runs, and cloud-init reports an error.

    `copied_digest` is the SHA-256 of a file that was put on the seed, in hexadecimal.
    """
    if wish.fetched is not None:
        fetch = (
            "curl --fail --silent --show-error --location --retry 3 "
            f'--output "$new" {shlex.quote(wish.fetched)}'
        )
        return [_render(fetch, wish.checksum)]
    if copied_digest:
        # Where cloud-init read the seed from, it is no longer mounted.
        copy = (
            'seed=$(mktemp -d) && mount -o ro LABEL=cidata "$seed" && '
            f'cp "$seed/{SEED_NAME}" "$new" && umount "$seed" && rmdir "$seed"'
        )
        return [_render(copy, copied_digest)]
    return []


def _render(obtain: str, checksum: str | None) -> str:
    steps = [f"new={TARGET}.new", obtain]
    if checksum:
        digest = checksum.rpartition(":")[2].lower()
        steps.append(f'echo "{digest}  $new" | {_LENGTHS[len(digest)]} --check --quiet')
    steps += ['chmod 0755 "$new"', f'mv "$new" {TARGET}']
    return f"{{ {' && '.join(steps)}; }} || {{ echo 'charly_install has failed' >&2; exit 1; }}"
