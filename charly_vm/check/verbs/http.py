"""`http`: a request to a web server, from the guest or, for a port of this host, from here."""

from __future__ import annotations

import shlex
import warnings
from dataclasses import dataclass
from pathlib import Path

from charly_vm.check.call import Call
from charly_vm.check.guest_view import text
from charly_vm.check.matchers import Mismatch, match
from charly_vm.model.verbs import HttpVerb

_CURL = """\
header=$(mktemp) && body=$(mktemp) || exit 1
trap 'rm -f "$header" "$body"' EXIT
curl --dump-header "$header" --output "$body" --write-out '%{{http_code}}\\n' {words} || exit
wc -c <"$header"
cat "$header" "$body"
"""
"""Prints the status, the length of all headers, and what is so long, with the body behind it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, after redirects unless they are not followed."""

    status: int
    header: str
    """One `Name: value` in a line."""
    body: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is none."""

    reason: str


def http(verb: HttpVerb, call: Call) -> list[Mismatch]:
    answer = _ask_here(verb, call) if call.from_here else _ask_in_guest(verb, call)
    if isinstance(answer, NoAnswer):
        return [Mismatch(verb.http, "an answer", answer.reason)]
    call.output = answer.body
    wrong = []
    if verb.status is not None:
        wrong += match("status", verb.status, answer.status)
    elif answer.status >= 400:
        wrong.append(Mismatch("status", "less than 400", str(answer.status)))
    if verb.header is not None:
        wrong += match("header", verb.header, answer.header)
    if verb.body is not None:
        wrong += match("body", verb.body, answer.body)
    return wrong


def _ask_in_guest(verb: HttpVerb, call: Call) -> Answer | NoAnswer:
    words = ["--silent", "--show-error", "--request", verb.method]
    words += [] if verb.no_follow_redirects else ["--location"]
    words += ["--insecure"] if verb.allow_insecure else []
    words += ["--cacert", verb.ca_file] if verb.ca_file else []
    words += ["--head"] if verb.method == "HEAD" else []
    words += ["--data-binary", "@-"] if verb.request_body is not None else []
    body = None if verb.request_body is None else verb.request_body.encode()
    script = _CURL.format(words=" ".join(map(shlex.quote, [*words, "--", verb.http])))
    result = call.run(script, stdin=body)
    if result.status == 127:
        raise call.impossible("the guest has no curl to ask with")
    if result.status != 0:
        return NoAnswer(text(result.stderr) or f"curl's exit status {result.status}")
    return parse_answer(result.stdout)


def parse_answer(said: bytes) -> Answer:
    """From what `_CURL` prints. The last header is that of the answer: those of redirects and of
    `100 Continue` come before it."""
    status, length, rest = said.split(b"\n", 2)
    size = int(length)
    headers = rest[:size].replace(b"\r\n", b"\n").strip(b"\n").split(b"\n\n")
    header = text(headers[-1]).partition("\n")[2]
    return Answer(int(status), header, text(rest[size:]))


def _ask_here(verb: HttpVerb, call: Call) -> Answer | NoAnswer:
    import requests
    from urllib3.exceptions import InsecureRequestWarning

    ca_file = Path(call.step.file).parent / verb.ca_file if verb.ca_file else None
    with requests.Session() as session:
        # This host's proxies do not lead to its own guests.
        session.trust_env = False
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", InsecureRequestWarning)
                found = session.request(
                    verb.method,
                    verb.http,
                    data=verb.request_body.encode() if verb.request_body is not None else None,
                    allow_redirects=not verb.no_follow_redirects,
                    verify=str(ca_file) if ca_file else not verb.allow_insecure,
                    timeout=call.deadline.remaining(),
                )
        except (requests.RequestException, OSError) as error:
            return NoAnswer(str(error))
    header = "\n".join(f"{name}: {value}" for name, value in found.headers.items())
    return Answer(found.status_code, header, text(found.content))
