"""Fetching a file from a `http`, `https` or `file` URL: in pieces, again where it was cut off."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from charly_vm.errors import HostError
from charly_vm.host.files import explain_os_errors
from charly_vm.host.progress import Progress

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
"""Between two pieces; a server that is silent for longer counts as cut off."""
ATTEMPTS = 5
"""That bring nothing new; one that does starts the count again."""
CHUNK = 256 * 1024
LARGEST_TEXT = 4 * 1024 * 1024


def fetch_file(url: str, out: Path, progress: Progress) -> None:
    """Write what a URL holds to `out`. Raises `HostError` that says why it cannot be had."""
    name = url.rpartition("/")[2]
    if path := local_path(url):
        with explain_os_errors(f"read {path}"):
            size = path.stat().st_size
            with progress.transfer(f"copying {name}", size) as update:
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

    try:
        with requests.get(url, timeout=(CONNECT_SECONDS, READ_SECONDS), stream=True) as response:
            if response.status_code in (403, 404, 410):
                return None
            response.raise_for_status()
            return response.raw.read(LARGEST_TEXT, decode_content=True).decode("utf-8", "replace")
    except requests.RequestException as error:
        raise _explain(url, error) from error


def local_path(url: str) -> Path | None:
    """The path of a `file` URL."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _copy(source: Path, out: Path, update: Callable[[int], None]) -> None:
    with source.open("rb") as reader, out.open("wb") as writer:
        while chunk := reader.read(CHUNK):
            writer.write(chunk)
            update(writer.tell())
    shutil.copymode(source, out)


class _Download:
    """One file over HTTP, in as many attempts as it takes."""

    def __init__(self, session: requests.Session, url: str, out: Path, progress: Progress) -> None:
        self.session = session
        self.url = url
        self.out = out
        self.progress = progress
        self.etag = ""

    def run(self) -> None:
        import requests

        failures = 0
        while True:
            before = self._have()
            try:
                self._attempt()
                return
            except _cut_off_errors() as error:
                failures = 1 if self._have() > before else failures + 1
                if failures >= ATTEMPTS or not self._have():
                    raise _explain(self.url, error) from error
                self.progress.note(f"{self.url} was cut off; going on at {self._have()} bytes")
            except requests.RequestException as error:
                raise _explain(self.url, error) from error

    def _have(self) -> int:
        return self.out.stat().st_size if self.out.exists() else 0

    def _attempt(self) -> None:
        # A compressed transfer would make sizes and ranges mean something else.
        headers = {"Accept-Encoding": "identity"}
        have = self._have()
        if have:
            headers["Range"] = f"bytes={have}-"
            if self.etag:
                headers["If-Range"] = self.etag
        with self.session.get(
            self.url, headers=headers, timeout=(CONNECT_SECONDS, READ_SECONDS), stream=True
        ) as response:
            if response.status_code == 416:
                # Nothing lies behind what we have: it is complete, and the checksum will tell.
                return
            response.raise_for_status()
            goes_on = response.status_code == 206
            self.etag = response.headers.get("ETag", "")
            length = response.headers.get("Content-Length")
            total = (have if goes_on else 0) + int(length) if length else None
            self._write(response, goes_on=goes_on, total=total)

    def _write(self, response: requests.Response, *, goes_on: bool, total: int | None) -> None:
        name = self.url.rpartition("/")[2]
        with explain_os_errors(f"write {self.out}"):
            stream = self.out.open("ab" if goes_on else "wb")
        with stream, self.progress.transfer(f"fetching {name}", total) as update:
            # What goes wrong on the network is an OSError too, but says nothing of our disk.
            for chunk in response.iter_content(CHUNK):
                with explain_os_errors(f"write {self.out}"):
                    stream.write(chunk)
                update(stream.tell())
            done = stream.tell()
        if total is not None and done < total:
            raise _CutOff(f"{done} of {total} bytes came")


def _cut_off_errors() -> tuple[type[Exception], ...]:
    import requests

    return (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        _CutOff,
    )


class _CutOff(Exception):
    """The server ended the transfer before its end."""


def _explain(url: str, error: Exception) -> HostError:
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return HostError(
            f"{url}: the server says {error.response.status_code} {error.response.reason}",
            hint="check the `url:` of the source",
        )
    if isinstance(error, requests.exceptions.SSLError):
        return HostError(f"{url}: the server's certificate is not valid: {error}")
    if isinstance(error, requests.Timeout):
        return HostError(f"{url}: the server does not answer")
    if isinstance(error, _CutOff):
        return HostError(f"{url}: the transfer was cut off again and again; {error}")
    return HostError(
        f"{url} cannot be fetched: {error}", hint="check the `url:` and this host's network"
    )
