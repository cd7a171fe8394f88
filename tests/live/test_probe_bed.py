"""A bed whose checks ask by both probes, in YAML and in Python, on each backend."""

from __future__ import annotations

import pytest
from PIL import Image
from workspace import Workspace

pytestmark = pytest.mark.live

SCREEN = """\
  tiny-libvirt:
    libvirt:
      devices:
        graphics: {type: spice, listen: {type: socket}}
        video: {model: vga}
"""
CHECKS = """\
  runs: {check: it runs, libvirt: info, stdout: {contains: '"state": "running"'}}
  welcomes: {check: SPICE takes us in, spice: status, stdout: {contains: [mini_header, display]}}
  shows:
    check: the screen shows something
    spice: screenshot
    artifact: first.png
    artifact_min_dimensions: 640x400
    artifact_not_uniform: true
  boots:
    check: the kernel's words are on the screen
    spice: {method: wait-for-text, text: mounted filesystem}
    timeout: 30s
  differs:
    check: the screen is not this picture
    libvirt: {method: compare, image: red.png}
    exit_status: 1
    stderr: {contains: and the expected picture 40x30}
  looks-wrong: {check: it looks like this, spice: {method: compare, image: wide.png}}
"""
MODULE = """\
from pytest_charly import Bed
bed = Bed("check-tiny")

def test_both_see_the_same(spice, libvirt_probe):
    libvirt_probe.qmp("stop")
    assert spice.compare(libvirt_probe.screenshot()).pixels == 0
    libvirt_probe.qmp("cont")

def test_a_text_is_read(spice):
    assert "mounted" in spice.wait_for_text("mounted filesystem", timeout=20)

def test_it_is_told_that_the_machine_stops_and_goes_on(libvirt_probe):
    with libvirt_probe.watching() as events:
        libvirt_probe.qmp("stop")
        libvirt_probe.qmp("cont")
        events.wait_for("lifecycle resumed", 10)
"""


def test_a_bed_asks_by_its_probes(there: Workspace) -> None:
    text = there.project.read_text().replace("check-tiny:", f"{SCREEN}check-tiny:", 1)
    there.project.write_text(text + CHECKS)
    (there.directory / "check_python.py").write_text(MODULE)
    Image.new("RGB", (40, 30), "red").save(there.directory / "red.png")
    Image.new("RGB", (720, 400), "red").save(there.directory / "wide.png")
    done = there.charly("check", "run", "check-tiny", "--charly-no-rebuild")
    assert done.status == 2, done.stdout + done.stderr
    assert "1 failed, 9 passed" in done.stdout, done.stdout
    assert "288000 of 288000 pixels differ from wide.png" in done.stdout
    artifacts = there.directory / "charly-evidence/check-tiny/artifacts/deployed"
    with Image.open(artifacts / "shows/first.png") as first:
        assert first.size == (720, 400)
    seen = sorted(path.name for path in (artifacts / "looks-wrong").iterdir())
    assert seen == ["difference.png", "expected.png", "screen.png"]
    with Image.open(artifacts / "looks-wrong/difference.png") as difference:
        assert difference.getcolors() == [(288000, (220, 0, 0))]
