"""spice-gtk's `spicy-screenshot`: what a client that is not ours sees."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from charly_vm.host.process import require_tool, run
from charly_vm.probe.spice import SpiceAddress

SECONDS = 20


def spicy_screenshot(address: SpiceAddress, directory: Path) -> Image.Image:
    """The screen as spice-gtk draws it; who was connected to the server is disconnected.

    It takes the first picture of display 0 that comes and goes, so the screen has to be at rest.
    It says why it failed by a number only, and knows neither 16 bits per pixel nor certificates.
    """
    spicy = require_tool("spicy-screenshot", package="spice-client-gtk")
    where = (
        [f"--uri=spice+unix://{address.socket}"]
        if address.socket
        else [f"--host={address.host}", f"--port={address.port}"]
    )
    path = directory / "spicy.ppm"
    path.unlink(missing_ok=True)
    run([spicy, *where, f"--out-file={path}"], timeout=SECONDS)
    with Image.open(path) as picture:
        return picture.convert("RGB")
