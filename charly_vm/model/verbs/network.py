"""Verbs that look at ports, addresses, names and web servers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from charly_vm.model.form import Form
from charly_vm.model.matchers import MatcherField
from charly_vm.model.quantities import Flag
from charly_vm.model.verbs.verb import Verb


class PortVerb(Verb):
    """A TCP port of the guest. Where nothing is asked for, it has to listen."""

    name = main = "port"
    port: Annotated[int, Field(strict=True, ge=1, le=65535)]
    """Its number in the guest."""
    listening: Flag | None = None
    """Whether something in the guest listens on it."""
    ip: str | None = None
    """The address that it has to listen at."""
    reachable: Flag | None = None
    """Whether this host gets a connection."""


class AddrVerb(Verb):
    """A host and port as the guest reaches it, or this host where `${HOST_PORT:…}` or `${HOST:…}`
    is in it."""

    name = main = "addr"
    addr: str
    """`HOST:PORT`."""
    reachable: Flag = True
    """Whether there is a connection."""


class DnsVerb(Verb):
    """A name that the guest resolves."""

    name = main = "dns"
    dns: str
    """The name."""
    resolvable: Flag = True
    """Whether it has an address."""
    addrs: tuple[str, ...] = ()
    """Addresses that it has among others."""
    server: str | None = None
    """The name server that is asked, in place of the guest's own."""


class HttpVerb(Verb):
    """A request to a web server by the guest's curl, or from this host where `${HOST_PORT:…}` or
    `${HOST:…}` is in the URL; and the answer."""

    name = main = "http"
    http: str
    """The URL."""
    status: MatcherField | None = None
    """The answer's number; less than 400 where it is not given."""
    body: MatcherField | None = None
    """What the answer says."""
    header: MatcherField | None = None
    """The whole header of the last answer, one `Name: value` in a line."""
    method: Annotated[str, Form(r"[A-Z]+", "a method, such as GET")] = "GET"
    """How it is asked."""
    request_body: str | None = None
    """What is sent along."""
    allow_insecure: Flag = False
    """Take any certificate."""
    no_follow_redirects: Flag = False
    """Take the first answer for the last."""
    ca_file: str | None = None
    """Certificates that are trusted: a path in the guest, or from the step's file where this host
    asks."""
