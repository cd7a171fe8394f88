"""What tests on workers of pytest-xdist say in a run without beds, on the controller's terminal."""

from __future__ import annotations

from typing import Any

from pytest_charly.progress.channel import listen
from pytest_charly.progress.events import Event, Noted


def follow_notes(node: Any) -> None:
    """Show what a worker that is about to start (xdist's `WorkerController`) will note."""
    reporter: Any = node.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or node.config.get_verbosity() < 0:
        return

    def receive(worker: str, event: Event | None) -> None:
        if isinstance(event, Noted):
            reporter.ensure_newline()
            reporter.write_line(f"charly: [{worker}] {event.text}")

    listen(node, receive)
