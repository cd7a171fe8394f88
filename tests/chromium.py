"""A headless Chromium, driven over the pipe of its DevTools protocol: what pages look like to it,
what they log and what they ask the network for.

The protocol is JSON with a zero byte after each message, on descriptors 3 and 4.
https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "headless_shell")
_PLACES = ":/usr/lib64/chromium-browser:/usr/lib/chromium-browser"

# A shell would do, but not every one of them knows descriptors of two digits.
_LAUNCH = """\
import os, sys
requests, answers, *words = sys.argv[1:]
os.dup2(int(requests), 3)
os.dup2(int(answers), 4)
os.execv(words[0], words)
"""

ABSENT = "no Chromium is installed; setup/packages.txt names the package"


def find_chromium() -> str | None:
    """The program, by the names that distributions give it."""
    path = os.environ.get("PATH", os.defpath) + _PLACES
    return next((found for name in _NAMES if (found := shutil.which(name, path=path))), None)


class Chromium:
    """The browser. `start_chromium` makes one."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests, self._answers = requests, answers
        self._number = 0
        self._received = b""
        self._events: list[dict[str, Any]] = []

    def open(
        self,
        url: str,
        *,
        width: int = 1400,
        height: int = 900,
        dark: bool = False,
        script: bool = True,
    ) -> Tab:
        """A tab of that size, loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session, target)
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.call(f"{domain}.enable")
        tab.call("Emulation.setScriptExecutionDisabled", value=not script)
        tab.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        tab.call("Emulation.setEmulatedMedia", features=[scheme])
        tab.go(url)
        return tab

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        self._number += 1
        request: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self._requests, data) :]
        deadline = time.monotonic() + 60
        while True:
            message = self._receive(deadline)
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                answer: dict[str, Any] = message["result"]
                return answer
            self._events.append(message)

    def wait_for(self, session: str, method: str, *, seconds: float = 60) -> None:
        """Until a tab has sent that event, since the last time that one was waited for."""
        deadline = time.monotonic() + seconds
        while True:
            for event in self._events:
                if event.get("sessionId") == session and event["method"] == method:
                    self._events.remove(event)
                    return
            self._events.append(self._receive(deadline))

    def events(self, session: str) -> list[dict[str, Any]]:
        return [event for event in self._events if event.get("sessionId") == session]

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._answers], [], [], deadline - time.monotonic())
            more = os.read(self._answers, 1 << 20) if ready else b""
            if not more:
                raise RuntimeError("Chromium ended" if ready else "Chromium does not answer")
            self._received += more
        line, _, self._received = self._received.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message


class Tab:
    """One page in a tab of its own."""

    def __init__(self, browser: Chromium, session: str, target: str) -> None:
        self._browser, self._session, self._target = browser, session, target

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def resize(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    def go(self, url: str, *, same_document: bool = False) -> float:
        """Load a page, or go to another place in it; the seconds until it is there, as one sees
        them from outside."""
        started = time.perf_counter()
        error = self.call("Page.navigate", url=url).get("errorText")
        if error:
            raise RuntimeError(f"{url}: {error}")
        awaited = "navigatedWithinDocument" if same_document else "loadEventFired"
        self._browser.wait_for(self._session, f"Page.{awaited}")
        return time.perf_counter() - started

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            where = {"x": x, "y": y, "button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", type=kind, **where)

    def press(self, key: str, code: int) -> None:
        """A key by its name and its number, which Windows has given it."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript, or what its promise is kept with."""
        how = {"returnByValue": True, "awaitPromise": True}
        answer = self.call("Runtime.evaluate", expression=expression, **how)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        answer = self.call(
            "Page.captureScreenshot", captureBeyondViewport=whole, **self._clip(whole)
        )
        file.write_bytes(base64.b64decode(answer["data"]))

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "scale": 1, **{k: size[k] for k in ("width", "height")}}}

    def complaints(self) -> list[str]:
        """What stands in the console, and every script that ended with an error."""
        said = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        events = self._browser.events(self._session)
        return [json.dumps(event["params"]) for event in events if event["method"] in said]

    def asked_for(self) -> list[str]:
        """The URLs that the page had fetched, itself included; data in URLs apart."""
        events = self._browser.events(self._session)
        urls = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith("data:")]

    def close(self) -> None:
        self._browser.call("Target.closeTarget", targetId=self._target)


def _out_of_the_way(descriptor: int) -> int:
    """The same as a number that is neither 3 nor 4."""
    other = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return other


@contextmanager
def start_chromium(program: str) -> Iterator[Chromium]:
    """A browser with an empty profile, ended with the block."""
    with tempfile.TemporaryDirectory(prefix="charly-", ignore_cleanup_errors=True) as profile:
        for_it, requests = map(_out_of_the_way, os.pipe())
        answers, from_it = map(_out_of_the_way, os.pipe())
        words = [
            *(program, "--headless", "--remote-debugging-pipe", f"--user-data-dir={profile}"),
            *("--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
            # Root has no other way, nor has a user whose namespaces are forbidden; what it opens
            # here are our own pages.
            *("--no-sandbox", "about:blank"),
        ]
        child = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(for_it), str(from_it), *words],
            pass_fds=(for_it, from_it),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Its preferences and caches too.
            env={**os.environ, "HOME": profile},
        )
        os.close(for_it)
        os.close(from_it)
        try:
            yield Chromium(requests, answers)
        finally:
            # Without its pipe it ends by itself.
            os.close(requests)
            os.close(answers)
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
