"""A machine's identity: its keys and the documents that its guest begins with."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from charly_vm.disk.distros.choice import find_recipe
from charly_vm.disk.seed import write_seed
from charly_vm.disk.seed_schema import VARIABLE, find_schemas, find_violations
from charly_vm.errors import HostError, Problem, SpecError
from charly_vm.host.files import explain_os_errors, write_atomically
from charly_vm.host.progress import SILENT, Progress
from charly_vm.host.ssh_keys import known_hosts_line, make_key_pair
from charly_vm.machine.keys import read_chosen_key
from charly_vm.model.cloud_init import CharlyInstall
from charly_vm.model.distribution import find_distribution
from charly_vm.model.project import Target
from charly_vm.model.resolve.keys import adopts, choose_channels, find_reapply_command
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.model.source import Bootstrap, Source
from charly_vm.render.cloud_init import render_seed
from charly_vm.render.seed_install import SEED_NAME

PUBLIC_KEY = "(the public key)"
"""Stands for one in a preview."""


def write_identity(machine: ResolvedMachine, target: Target, progress: Progress = SILENT) -> None:
    """Write the seed and known_hosts, with a host key that is made where it is missing.

    Raises `SpecError` for documents that cloud-init's schema does not allow, and `HostError` for a
    key or a file that is not there.
    """
    host_key = make_key_pair(machine.paths.host_key, comment=machine.domain)
    write_atomically(
        machine.paths.known_hosts, known_hosts_line(machine.domain, host_key.public) + "\n"
    )
    wish = target.entity.cloud_init.charly_install
    if wish.strategy == "scp" and wish.url is None:
        progress.note(
            f"{machine.domain}: charly_install names no file to copy (url: file:///…), and "
            "nothing needs one: everything is applied from this host"
        )
    program = _read_program(wish)
    documents = render_documents(
        machine,
        target,
        public_key=read_chosen_key(machine),
        host_key_private=host_key.private,
        host_key_public=host_key.public,
        program=program,
    )
    write_seed(machine.paths.seed, documents | ({SEED_NAME: program} if program else {}))


def preview_documents(machine: ResolvedMachine, target: Target) -> dict[str, str]:
    """As they are or would be written, with placeholders for the keys."""
    return render_documents(
        machine,
        target,
        public_key=PUBLIC_KEY if machine.key else None,
        host_key_private="(the machine's own host key)",
        host_key_public="(its public half)",
        program=_read_program(target.entity.cloud_init.charly_install),
    )


def render_documents(
    machine: ResolvedMachine,
    target: Target,
    *,
    public_key: str | None,
    host_key_private: str,
    host_key_public: str,
    program: bytes = b"",
) -> dict[str, str]:
    """The seed's documents, which cloud-init's schema allows; raises `SpecError` otherwise."""
    entity = target.entity
    channels = choose_channels(entity, machine.architecture)
    documents = render_seed(
        domain_uuid=machine.uuid,
        hostname=machine.hostname,
        user=machine.user,
        adopt=adopts(entity),
        authorized_keys=[public_key] if public_key and channels.cloud_init else [],
        host_key_private=host_key_private,
        host_key_public=host_key_public,
        cloud_init=entity.cloud_init,
        distribution=find_distribution(entity.source),
        installed=_find_installed(entity.source, machine.architecture),
        key_command=find_reapply_command(machine.user, public_key, channels),
        copied_digest=hashlib.sha256(program).hexdigest() if program else "",
    )
    _require_valid(documents, target)
    return documents


def _find_installed(source: Source, architecture: str) -> Collection[str] | None:
    """The packages of an image that we build; None for one that somebody else has built."""
    if not isinstance(source, Bootstrap):
        return None
    recipe = find_recipe(source, architecture)
    return recipe.packages if recipe else source.package


def _read_program(wish: CharlyInstall) -> bytes:
    """The file that `charly_install` copies; nothing where none is to be copied."""
    if wish.copied is None:
        return b""
    path = Path(wish.copied)
    with explain_os_errors(f"read {path} for charly_install"):
        content = path.read_bytes()
    if wish.checksum:
        wanted = wish.checksum.rpartition(":")[2].lower()
        digest = hashlib.sha256 if len(wanted) == 64 else hashlib.sha512
        if digest(content).hexdigest() != wanted:
            raise HostError(
                f"{path} does not have the checksum that charly_install gives",
                hint="correct the checksum, or leave it away",
            )
    return content


def _require_valid(documents: dict[str, str], target: Target) -> None:
    schemas = find_schemas()
    if schemas is None:
        return
    problems = [
        Problem(target.node.file, target.node.line, 1, f"cloud_init of {target.entity_name}: {one}")
        for one in find_violations(documents, schemas)
    ]
    if problems:
        raise SpecError(
            problems,
            hint=f"that is what cloud-init's own schema in {schemas} says; where the guest's "
            f"cloud-init knows more, {VARIABLE} names a newer one, or none",
        )
