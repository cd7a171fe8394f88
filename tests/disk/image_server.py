"""A web server on 127.0.0.1 with what a test puts into it; knows ranges and can misbehave."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class ImageServer:
    """`files` is what there is, by path; the rest says how to go wrong and what was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut_off_after: list[int] = field(default_factory=list)
    """Each of the next answers with a file ends after this many bytes, one after the other."""
    ranges: bool = True
    status: dict[str, int] = field(default_factory=dict)
    """Paths that are answered with an error."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range header of every request."""

    def asked_for(self, path: str) -> int:
        return sum(1 for one, _ in self.asked if one == path)


@contextmanager
def image_server() -> Iterator[ImageServer]:
    server = ImageServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            server.asked.append((self.path, wanted))
            if self.path in server.status:
                self.send_error(server.status[self.path])
            elif self.path not in server.files:
                self.send_error(404)
            else:
                self.answer(server.files[self.path], wanted)

        def answer(self, content: bytes, wanted: str) -> None:
            etag = f'"{hash(content)}"'
            begin = 0
            match = re.fullmatch(r"bytes=(\d+)-", wanted)
            if match and server.ranges and self.headers.get("If-Range", etag) == etag:
                begin = int(match[1])
                if begin >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {begin}-{len(content)}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("ETag", etag)
            self.send_header("Content-Length", str(len(content) - begin))
            self.end_headers()
            part = content[begin:]
            self.wfile.write(part[: server.cut_off_after.pop(0)] if server.cut_off_after else part)

        def log_message(self, format: str, *args: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
