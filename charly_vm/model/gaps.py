"""What may be written of a deploy and is not carried out yet, so that no bed passes without it."""

from __future__ import annotations

from charly_vm.errors import Problem, SpecError
from charly_vm.model.deploy import Deploy, DeployNode

WANTED = ("add_candy", "from_snapshot", "cloud_init_clean")
"""Fields that change what is tested; read and checked, and nobody acts on them."""


def find_gaps(deploy: Deploy) -> list[str]:
    """The names of the fields that an author set, beyond what is carried out."""
    gaps = [name for name in WANTED if getattr(deploy, name)]
    return gaps + ([f"fresh: {deploy.fresh}"] if deploy.fresh in ("build", "template") else [])


def describe_gaps(node: DeployNode) -> str:
    """The gaps in words for people, empty where there are none."""
    gaps = find_gaps(node.deploy)
    asks = f"{node.name} asks for what this version does not carry out: {', '.join(gaps)}"
    return asks if gaps else ""


def require_carried_out(node: DeployNode) -> None:
    """Raise `SpecError` for a bed that would come up without what it asks for."""
    if text := describe_gaps(node):
        raise SpecError([Problem(node.file, node.line, 1, text)])
