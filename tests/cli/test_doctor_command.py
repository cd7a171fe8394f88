"""`charly doctor` on this host, whatever it has."""

from __future__ import annotations

import json

import pytest
from charly_process import Charly

pytestmark = pytest.mark.slow


def test_the_doctor_says_what_is_here(charly: Charly) -> None:
    done = charly("doctor")
    assert done.status == 0, done.stdout + done.stderr
    assert "accelerator tcg" in done.stdout
    findings = json.loads(charly("doctor", "--json").stdout)
    assert {
        *("qemu-img", "libvirt session", "swtpm"),
        *("qemu-bridge-helper", "bridges", "cloud-init's schema"),
    } <= {one["name"] for one in findings}
    assert {"section", "good", "found", "enables", "fix"} <= findings[0].keys()


def test_the_doctor_fixes_one_line_and_no_more(charly: Charly) -> None:
    config = charly.directory / "home" / ".ssh" / "config"

    def included() -> bool:
        findings = json.loads(charly("doctor", "--json").stdout)
        return next(bool(one["good"]) for one in findings if one["name"] == "ssh charly-NAME")

    assert not included()
    done = charly("doctor", "--fix")
    assert f"{config} includes the machines now" in done.stderr
    assert config.read_text() == f"Include {charly.directory}/config/charly/ssh_config\n\n"
    assert included()
    assert charly("doctor", "--fix").stderr == ""
