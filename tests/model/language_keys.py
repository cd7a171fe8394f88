"""Which keys of a charly.yml belong to the language, told without the code under test.

The others are names (of nodes, steps, variables), and what is kept because it is not for us.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]

OURS = ("vm", "candy", "resource", "group")
FOREIGN = ("pod", "local", "k8s", "android", "distro", "agent")
INTENTS = ("check", "run", "include")
NAMES = ("env", "var", "package_map", "matrix", "distro", "ethernets", "import")
"""Keys below which the keys are names."""

KEPT = ("defaults", "provides", "providers", "vm_state", "localpkg", "volume", "alias", "security")
"""Keys below which everything is kept."""

UNKNOWN = (
    *("anything", "bash", "baseurl", "engine", "exec_start_pre", "format", "gpgkey", "port_relay"),
    *("x", "y"),
)
"""Keys of the fixtures that only somebody else knows."""

FOREIGN_VERBS = ("kube", "helm", "frobnicate")
LAYER_PORTS = ("port",)


def language_keys(data: dict[str, Any]) -> Iterator[Path]:
    """The path of every key that has a meaning here."""
    for name, value in data.items():
        if name == "resource" and isinstance(value, dict) and "resource" not in value:
            yield (name,)
            for token, body in value.items():
                yield from _inside(body, (name, token))
        elif isinstance(value, dict) and _kind(value) is not None:
            yield from _node(value, (name,))
        elif isinstance(value, dict) and name.endswith(tuple(f"-{key}" for key in value)):
            yield from _inside(value, (name,))
        elif name in ("version", "repo", "import", "discover", "defaults", "provides", "providers"):
            yield (name,)
            yield from _below(value, (name,))


def _kind(node: dict[str, Any]) -> str | None:
    """The kind of a node; empty for one that is not ours, None for what is no node."""
    for kind in OURS:
        if kind in node and not (kind == "candy" and isinstance(node[kind], list)):
            return kind
    return "" if set(FOREIGN) & set(node) else None


def _node(node: dict[str, Any], at: Path) -> Iterator[Path]:
    kind = _kind(node)
    if not kind:
        return
    yield (*at, kind)
    body = node[kind]
    if isinstance(body, dict) and not {"base", "agent_provisioned"} & set(body):
        is_image = kind == "candy" and "from" in body
        skipped = LAYER_PORTS if kind == "candy" else ()
        for key, value in body.items() if not is_image else ():
            if key not in UNKNOWN and key not in skipped:
                yield (*at, kind, key)
                yield from _below(value, (*at, kind, key))
    for key, value in node.items():
        if key != kind:
            yield from _child(value, (*at, key))


def _child(value: dict[str, Any], at: Path) -> Iterator[Path]:
    if set(INTENTS) & set(value):
        yield from _step(value, at)
    elif _kind(value) is not None:
        yield from _node(value, at)
    elif not {"agent-check", "agent-run"} & set(value):
        yield from _inside(value, at)


def _step(step: dict[str, Any], at: Path) -> Iterator[Path]:
    if set(FOREIGN_VERBS) & set(step) or step.get("plugin") in FOREIGN_VERBS:
        return
    for key, value in step.items():
        yield (*at, key)
        yield from _below(value, (*at, key))


def _inside(value: Any, at: Path) -> Iterator[Path]:
    for key, inner in value.items() if isinstance(value, dict) else ():
        if key not in UNKNOWN:
            yield (*at, key)
            yield from _below(inner, (*at, key))


def _below(value: Any, at: Path) -> Iterator[Path]:
    """What stands below a key."""
    key = at[-1]
    if key in KEPT:
        return
    if isinstance(value, list):
        for number, item in enumerate(value):
            if key == "plan":
                if not {"agent-check", "agent-run"} & set(item):
                    yield from _step(item, (*at, number))
            elif key != "import":
                yield from _inside(item, (*at, number))
    elif key in NAMES:
        for name, inner in value.items() if isinstance(value, dict) else ():
            yield from _inside(inner, (*at, name))
    else:
        yield from _inside(value, at)
