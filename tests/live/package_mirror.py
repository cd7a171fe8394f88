"""A Debian archive with one package in it, on loopback, for guests that install from a mirror.

It stands in for all suites and for the security archive beside it, and is not signed: a guest has
to be told that it may use it (`APT_CONF`).
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from charly_vm.host.process import require_tool, run

PACKAGE = "charly-probe"
INSTALLED_FILE = "/usr/share/charly-probe/greeting"
APT_CONF = 'Acquire::AllowInsecureRepositories "true";\nAPT::Get::AllowUnauthenticated "true";\n'
HOST_IN_GUEST = "10.0.2.2"
"""Where QEMU's user network has the host's loopback."""

_CONTROL = """\
Package: charly-probe
Version: 1.0
Architecture: all
Maintainer: nobody <nobody@localhost>
Description: one file
"""
_INDEX = "main/binary-{architecture}/Packages"


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, files: dict[str, bytes], asked: list[str], *connection: Any) -> None:
        self.files = files
        self.asked = asked
        super().__init__(*connection)

    def do_GET(self) -> None:
        self.asked.append(self.path)
        # Whatever the archive and the suite are called.
        content = self.files.get(re.sub(r"^/debian[^/]*/(dists/[^/]+/)?", "", self.path))
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


class PackageMirror:
    """The URL for guests, and the paths that were asked for."""

    def __init__(self, port: int, asked: list[str]) -> None:
        self.asked = asked
        self.host = f"http://{HOST_IN_GUEST}:{port}"

    @property
    def url(self) -> str:
        return f"{self.host}/debian"


@contextmanager
def serve_package(directory: Path, others: dict[str, bytes]) -> Iterator[PackageMirror]:
    """Serve the package, and `others` by their path below /debian/."""
    asked: list[str] = []
    handler = functools.partial(_Handler, {**_archive(directory), **others}, asked)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield PackageMirror(server.server_port, asked)
        finally:
            server.shutdown()
            thread.join()


def _archive(directory: Path) -> dict[str, bytes]:
    tree = directory / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(_CONTROL)
    installed = tree / INSTALLED_FILE.removeprefix("/")
    installed.parent.mkdir(parents=True)
    installed.write_text("hello\n")
    deb = directory / "charly-probe.deb"
    build = require_tool("dpkg-deb", package="dpkg")
    run([build, "--build", "--root-owner-group", tree, deb], timeout=60)
    content = deb.read_bytes()
    index = (
        f"{_CONTROL}Filename: pool/charly-probe.deb\nSize: {len(content)}\n"
        f"SHA256: {hashlib.sha256(content).hexdigest()}\n"
    ).encode()
    names = [_INDEX.format(architecture=one) for one in ("all", "amd64", "arm64")]
    sums = "".join(f" {hashlib.sha256(index).hexdigest()} {len(index)} {name}\n" for name in names)
    release = f"Architectures: all amd64 arm64\nComponents: main\nSHA256:\n{sums}"
    return {
        "Release": release.encode(),
        "pool/charly-probe.deb": content,
        **dict.fromkeys(names, index),
    }
