from __future__ import annotations

import json
import threading
import time

import pytest
from cloud_init_documents import BROKEN, FINISHED, IN_MODULES_CONFIG
from guest_stand_in import GuestStandIn

from charly_vm.guest.cloud_init import (
    Report,
    State,
    parse_excerpts,
    parse_report,
    render_excerpts,
    render_look,
)


def look(stand_in: GuestStandIn, seconds: float = 0.5) -> Report:
    return parse_report(stand_in.shell(render_look(seconds)))


def test_a_guest_without_cloud_init_has_none(stand_in: GuestStandIn) -> None:
    assert look(stand_in) == Report(State.ABSENT, "", (), ())


def test_cloud_init_may_be_switched_off(stand_in: GuestStandIn) -> None:
    stand_in.install("cloud-init", "exit 1")
    stand_in.write("/run/cloud-init/disabled", "")
    assert look(stand_in).state is State.DISABLED


def test_cloud_init_that_has_not_begun_runs_and_has_no_stage(stand_in: GuestStandIn) -> None:
    stand_in.install("cloud-init", "exit 1")
    assert look(stand_in) == Report(State.RUNNING, "", (), ())


def test_the_stage_that_runs_is_reported(stand_in: GuestStandIn) -> None:
    stand_in.write("/run/cloud-init/status.json", IN_MODULES_CONFIG)
    assert look(stand_in) == Report(State.RUNNING, "modules-config", (), ())


def test_a_look_ends_as_soon_as_there_is_a_result(stand_in: GuestStandIn) -> None:
    stand_in.write("/run/cloud-init/status.json", FINISHED)
    threading.Timer(1, stand_in.write, ["/run/cloud-init/result.json", "{}"]).start()
    began = time.monotonic()
    assert look(stand_in, 30).state is State.FINISHED
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("result", "state"), [(False, State.CRASHED), (True, State.FINISHED)], ids=["no result", "late"]
)
def test_a_last_service_that_failed_is_the_end_unless_there_is_a_result(
    stand_in: GuestStandIn, result: bool, state: State
) -> None:
    # systemd marks the service as failed after it has written its result.
    path = stand_in.directory / "run/cloud-init/result.json"
    effect = f"echo '{{}}' >{path}" if result else ":"
    stand_in.install("systemctl", f'[ "$*" = "--quiet is-failed cloud-final.service" ] && {effect}')
    stand_in.write("/run/cloud-init/status.json", IN_MODULES_CONFIG)
    assert look(stand_in).state is state


def test_errors_and_warnings_name_their_stage() -> None:
    report = parse_report(json.dumps({"state": "finished", "status": json.loads(BROKEN)}))
    assert report.errors == (
        "modules-final: ('scripts-user', RuntimeError('Runparts: 1 failures (runcmd) in 1 "
        "attempted commands'))",
    )
    assert report.warnings[0].startswith("cloud-init init: WARNING: cloud-config failed schema")


def test_a_status_that_makes_no_sense_is_as_good_as_none() -> None:
    for status in ("1", "[]", '{"v1": 2}', '{"v1": {"init": 3, "stage": null}}'):
        report = parse_report(f'{{"state": "running", "status": {status}}}')
        assert report == Report(State.RUNNING, "", (), ())


@pytest.mark.parametrize("text", ["", "{}", "[]", "sh: 1: syntax error", '{"state": "odd"}'])
def test_what_is_no_report_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_report(text)


def test_the_logs_are_cut_down_to_what_explains_a_failure(stand_in: GuestStandIn) -> None:
    stand_in.write(
        "/var/log/cloud-init.log",
        "2026 - util.py[DEBUG]: fine\n2026 - cc_x.py[WARNING]: odd\n2026 - main.py[ERROR]: bad\n",
    )
    stand_in.write("/var/log/cloud-init-output.log", "ci-info: | lo |\nE: no such package\n")
    excerpts = parse_excerpts(stand_in.shell(render_excerpts()))
    assert list(excerpts.values()) == [
        "2026 - cc_x.py[WARNING]: odd\n2026 - main.py[ERROR]: bad\n",
        "E: no such package\n",
    ]


def test_without_logs_there_is_nothing_to_show(stand_in: GuestStandIn) -> None:
    excerpts = parse_excerpts(stand_in.shell(render_excerpts()))
    assert list(excerpts.values()) == ["", ""]
