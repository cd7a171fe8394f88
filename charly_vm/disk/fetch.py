"""Fetching a file from a `http`, `https` or `file` URL, and going on where it was cut off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from charly_vm.disk.network_errors import CutOff, explain_network_errors
from charly_vm.errors import GuestTimeout, HostError
from charly_vm.host.files import explain_os_errors
from charly_vm.host.progress import Progress
from charly_vm.host.waiting import Deadline, NotYet, wait_for

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
"""Between two pieces; a server that is silent for longer counts as cut off."""
PATIENCE_SECONDS = 30.0
"""For a server that has cut a transfer off and brings nothing new; something new starts it anew."""
RETRY_SECONDS = 1.0
CHUNK = 64 * 1024
"""What is lost of a transfer that is cut off: requests drops a piece that is not complete."""
LARGEST_TEXT = 4 * 1024 * 1024

NOT_THERE = (403, 404, 410)
"""Some stores say 403 for what does not exist."""


def fetch_file(url: str, out: Path, progress: Progress) -> None:
    """Write what a URL holds to `out`. Raises `HostError` that says why it cannot be had."""
    if path := local_path(url):
        with explain_os_errors(f"read {path}"):
            size = path.stat().st_size
            with progress.transfer(f"copying {path.name}", size) as update:
                _copy(path, out, update)
        return
    import requests

    with requests.Session() as session:
        _Download(session, url, out, progress).run()


def fetch_text(url: str) -> str | None:
    """A small file as text; None where there is none."""
    if path := local_path(url):
        with explain_os_errors(f"read {path}"):
            return path.read_text(errors="replace") if path.is_file() else None
    import requests

    with (
        explain_network_errors(url),
        requests.get(url, timeout=(CONNECT_SECONDS, READ_SECONDS), stream=True) as response,
    ):
        if response.status_code in NOT_THERE:
            return None
        response.raise_for_status()
        content = b""
        for chunk in response.iter_content(CHUNK):
            content += chunk
            if len(content) > LARGEST_TEXT:
                return None
        return content.decode("utf-8", "replace")


def local_path(url: str) -> Path | None:
    """The path of a `file` URL, None for another. A host in it is an error: `file://etc/x`."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise HostError(
            f"{url} names a host, and files are read on this one only",
            hint="a path begins with a third slash: file:///srv/image.qcow2",
        )
    return Path(unquote(parts.path))


def _copy(source: Path, out: Path, update: Callable[[int], None]) -> None:
    with source.open("rb") as reader, explain_os_errors(f"write {out}"), out.open("wb") as writer:
        while chunk := reader.read(CHUNK):
            writer.write(chunk)
            update(writer.tell())


class _Download:
    """One file over HTTP, in as many attempts as it takes."""

    def __init__(self, session: requests.Session, url: str, out: Path, progress: Progress) -> None:
        self.session = session
        self.url = url
        self.name = urlsplit(url).path.rpartition("/")[2]
        self.out = out
        self.progress = progress
        self.validator = ""
        """What says that the server's file is still the one of which we have a part."""
        self.begun = False

    def run(self) -> None:
        complete = False
        while not complete:
            try:
                complete = wait_for(
                    self.url, self._try, Deadline(PATIENCE_SECONDS), every=RETRY_SECONDS
                )
            except GuestTimeout as error:
                raise HostError(
                    f"{self.url}: the transfer was cut off at {self._have()} bytes, and for "
                    f"{PATIENCE_SECONDS:.0f} s nothing more came: {error.seen}",
                    hint="try again later",
                ) from error

    def _try(self) -> bool | NotYet:
        """True when complete, False when cut off after some progress."""
        before = self._have()
        try:
            with explain_network_errors(self.url):
                self._attempt()
            return True
        except CutOff as error:
            if not self.begun:
                # An address that is wrong does not get better by waiting.
                raise
            if (have := self._have()) > before:
                self.progress.note(f"{self.name} was cut off; going on at {have} bytes")
                return False
            return NotYet(error.message)

    def _have(self) -> int:
        return self.out.stat().st_size if self.out.exists() else 0

    def _attempt(self) -> None:
        # A compressed transfer would make sizes and ranges mean something else.
        headers = {"Accept-Encoding": "identity"}
        have = self._have()
        if have:
            headers["Range"] = f"bytes={have}-"
            if self.validator:
                headers["If-Range"] = self.validator
        with self.session.get(
            self.url, headers=headers, timeout=(CONNECT_SECONDS, READ_SECONDS), stream=True
        ) as response:
            if response.status_code == 416:
                # Nothing lies behind what we have: it is complete, and the checksum will tell.
                return
            response.raise_for_status()
            self.begun = True
            goes_on = response.status_code == 206
            etag = response.headers.get("ETag", "")
            # A weak one promises too little for ranges, says RFC 9110, 13.1.5.
            weak = etag.startswith("W/")
            self.validator = response.headers.get("Last-Modified", "") if weak else etag
            length = response.headers.get("Content-Length")
            total = (have if goes_on else 0) + int(length) if length else None
            self._write(response, goes_on=goes_on, total=total)

    def _write(self, response: requests.Response, *, goes_on: bool, total: int | None) -> None:
        with explain_os_errors(f"write {self.out}"):
            stream = self.out.open("ab" if goes_on else "wb")
        with stream, self.progress.transfer(f"fetching {self.name}", total) as update:
            # What goes wrong on the network is an OSError too, but says nothing of our disk.
            for chunk in response.iter_content(CHUNK):
                with explain_os_errors(f"write {self.out}"):
                    stream.write(chunk)
                    stream.flush()
                update(stream.tell())
            done = stream.tell()
        if total is not None and done < total:
            raise CutOff(f"{self.url}: the server stopped after {done} of {total} bytes")
