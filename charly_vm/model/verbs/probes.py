"""Verbs whose main argument is a method of a probe, which has arguments of its own."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from charly_vm.model.base import Open
from charly_vm.model.matchers import MatcherField
from charly_vm.model.verbs.verb import Verb


class Probe(Open, Verb):
    """A method, `guest/ping`, and the arguments that it takes, which only the probe knows."""

    model_config = ConfigDict(extra="allow")

    main = "method"
    method: str = Field(min_length=1)
    """What is asked or done."""
    exit_status: MatcherField | None = None
    """What it ends with."""
    stdout: MatcherField | None = None
    """What it says."""
    stderr: MatcherField | None = None
    """What it complains about."""


class LibvirtVerb(Probe):
    """A question to libvirt about the machine."""

    name = "libvirt"


class SpiceVerb(Probe):
    """Something done over the machine's SPICE server."""

    name = "spice"
