"""How long each part of a bed may take, and who says so. Pure.

preparation   its turn, the image of its disk: charly's own limits, since other beds and the network
              decide; this one is for what stalls in spite of them
coming up     from power-on until ready, and after the rebuild again: the bed's `timeout`
checks        those of one phase together: the same, but for the default

`--charly-timeout` comes before the bed's `timeout`, which comes before the default.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from charly_vm import DeployNode, format_duration

PREPARATION_SECONDS = 6 * 3600.0
"""More than two waits of two hours (for the machine, for room on the host) and a build."""

CHECKS_SECONDS = 3600.0

HOST_SECONDS = 120.0
"""What the engine gets beyond a bed's `timeout`: before power-on it makes disk and seed, and at the
end it says by itself what it has waited for, which explains more than our error does."""


@dataclass(frozen=True)
class TimeLimit:
    """Seconds, and whose they are, in words that stand in brackets."""

    seconds: float
    source: str

    def __str__(self) -> str:
        return f"{format_duration(self.seconds)} ({self.source})"


DEFAULT = "the default"


def limit_to_come_up(node: DeployNode, given: TimeLimit | None) -> TimeLimit:
    """From power-on until the machine is ready."""
    return given or _of_the_bed(node) or TimeLimit(node.deploy.timeout, DEFAULT)


def limit_of_checks(node: DeployNode, given: TimeLimit | None) -> TimeLimit:
    """All checks of one phase, with their fixtures."""
    return given or _of_the_bed(node) or TimeLimit(CHECKS_SECONDS, DEFAULT)


def with_limit(node: DeployNode, given: TimeLimit | None) -> DeployNode:
    """The deploy as the engine should see it."""
    if given is None:
        return node
    return replace(node, deploy=node.deploy.model_copy(update={"timeout": given.seconds}))


def _of_the_bed(node: DeployNode) -> TimeLimit | None:
    if "timeout" not in node.deploy.model_fields_set:
        return None
    return TimeLimit(node.deploy.timeout, f"`timeout` of {node.name}, {node.file}:{node.line}")
