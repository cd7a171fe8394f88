"""Verbs that look at ports, addresses, names and web servers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from charly_vm.model.form import Form
from charly_vm.model.matchers import MatcherField
from charly_vm.model.quantities import Flag
from charly_vm.model.verbs.verb import Verb


class PortVerb(Verb):
    """A TCP port of the guest, as the guest itself sees it. It has to listen unless told."""

    name = main = "port"
    port: Annotated[int, Field(strict=True, ge=1, le=65535)]
    listening: Flag | None = None
    ip: str | None = None
    reachable: Flag | None = None
    """Whether the host gets a connection."""


class AddrVerb(Verb):
    """A host and port, `10.0.2.2:80`, as the guest reaches it."""

    name = main = "addr"
    addr: str
    reachable: Flag = True


class DnsVerb(Verb):
    """A name that the guest resolves."""

    name = main = "dns"
    dns: str
    resolvable: Flag = True
    addrs: tuple[str, ...] = ()
    server: str | None = None


class HttpVerb(Verb):
    """A request to a web server, and its answer."""

    name = main = "http"
    http: str
    status: MatcherField | None = None
    body: MatcherField | None = None
    header: MatcherField | None = None
    """Of the whole header, with one `Name: value` in a line."""
    method: Annotated[str, Form(r"[A-Z]+", "a method, such as GET")] = "GET"
    request_body: str | None = None
    allow_insecure: Flag = False
    """Take any certificate."""
    no_follow_redirects: Flag = False
    ca_file: str | None = None
