from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cloud_init_documents import BROKEN, FINISHED, IN_MODULES_CONFIG, RECOVERED
from guest_stand_in import GuestStandIn

from charly_vm.errors import GuestError, GuestTimeout
from charly_vm.guest import cloud_init_wait
from charly_vm.guest.cloud_init import State
from charly_vm.guest.readiness import Readiness, patience_after, wait_for_ssh, wait_until_ready
from charly_vm.host.progress import Seen, Silent
from charly_vm.host.ssh_keys import make_key_pair
from charly_vm.host.waiting import Deadline

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_init_wait, "LOOK_SECONDS", 0.3)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuestStandIn]:
    with GuestStandIn(tmp_path_factory.mktemp("guest")) as one:
        one.start()
        one.guest().run("true")
        yield one


@pytest.fixture
def served(running: GuestStandIn) -> Iterator[GuestStandIn]:
    """A guest whose SSH server is up, and stays up."""
    yield running
    running.forget()


def alive() -> str | None:
    return None


class Looking(Silent):
    """Remembers what was seen in each phase."""

    def __init__(self) -> None:
        self.seen: dict[str, list[str]] = {}

    @contextmanager
    def phase(self, text: str) -> Iterator[Seen]:
        yield self.seen.setdefault(text, []).append


def test_a_guest_is_ready_once_ssh_answers_and_cloud_init_has_finished(
    stand_in: GuestStandIn,
) -> None:
    stand_in.write("/run/cloud-init/status.json", FINISHED)
    threading.Timer(0.2, stand_in.start).start()
    finishing = threading.Timer(1.5, stand_in.write, ["/run/cloud-init/result.json", "{}"])
    finishing.start()
    found = wait_until_ready(stand_in.guest(), Deadline(60), alive=alive)
    assert finishing.finished.is_set()
    assert found == Readiness(State.FINISHED)


def test_a_guest_without_cloud_init_is_ready_when_ssh_answers(served: GuestStandIn) -> None:
    found = wait_until_ready(served.guest(), Deadline(60), alive=alive)
    assert found == Readiness(State.ABSENT)


def test_what_cloud_init_could_go_on_without_is_a_warning(served: GuestStandIn) -> None:
    served.write("/run/cloud-init/status.json", RECOVERED)
    served.write("/run/cloud-init/result.json", "{}")
    found = wait_until_ready(served.guest(), Deadline(60), alive=alive)
    assert [one[:32] for one in found.warnings] == ["cloud-init init: WARNING: cloud-"]


def test_an_error_of_cloud_init_is_raised_with_its_stage_and_logs(served: GuestStandIn) -> None:
    served.write("/run/cloud-init/status.json", BROKEN)
    served.write("/run/cloud-init/result.json", "{}")
    served.write("/var/log/cloud-init-output.log", "the script said why\n")
    with pytest.raises(
        GuestError, match="cloud-init failed in charly-x: modules-final: "
    ) as caught:
        wait_until_ready(served.guest(), Deadline(60), alive=alive)
    assert "Runparts: 1 failures" in caught.value.message
    assert "the end of /var/log/cloud-init-output.log:" in str(caught.value)
    assert "| the script said why" in str(caught.value)


def test_an_error_is_raised_while_later_stages_still_run(served: GuestStandIn) -> None:
    status = BROKEN.replace('"stage": null', '"stage": "modules-final"')
    served.write("/run/cloud-init/status.json", status)
    with pytest.raises(GuestError, match="cloud-init failed"):
        wait_until_ready(served.guest(), Deadline(60), alive=alive)


def test_a_cloud_init_that_died_is_not_waited_for(served: GuestStandIn) -> None:
    served.write("/run/cloud-init/status.json", IN_MODULES_CONFIG)
    served.install("systemctl", "exit 0")
    with pytest.raises(GuestError, match=r"cloud-final\.service ended before"):
        wait_until_ready(served.guest(), Deadline(60), alive=alive)


def test_without_ssh_the_deadline_says_so(stand_in: GuestStandIn) -> None:
    looking = Looking()
    with pytest.raises(GuestTimeout) as caught:
        wait_until_ready(stand_in.guest(), Deadline(1), alive=alive, progress=looking)
    assert looking.seen["waiting for SSH of charly-x"][-1] == caught.value.seen
    assert caught.value.awaited == "SSH of charly-x"
    assert caught.value.seen in ("no SSH banner within 1 s", "no SSH banner yet")


def test_during_cloud_init_the_deadline_names_its_stage_and_shows_its_log(
    served: GuestStandIn,
) -> None:
    served.write("/run/cloud-init/status.json", IN_MODULES_CONFIG)
    served.write("/var/log/cloud-init-output.log", "installing everything\n")
    looking = Looking()
    with pytest.raises(GuestTimeout) as caught:
        wait_until_ready(served.guest(), Deadline(1.5), alive=alive, progress=looking)
    assert looking.seen["waiting for cloud-init in charly-x"][-1] == caught.value.seen
    assert caught.value.awaited == "cloud-init in charly-x"
    assert caught.value.seen == "its stage modules-config"
    assert "| installing everything" in str(caught.value)


def test_a_machine_that_is_off_is_not_waited_for(stand_in: GuestStandIn) -> None:
    reasons = iter([None, "charly-x is shut off"])
    began = time.monotonic()
    with pytest.raises(GuestError, match="charly-x is shut off") as caught:
        wait_until_ready(stand_in.guest(), Deadline(60), alive=lambda: next(reasons))
    assert "no SSH banner" in caught.value.message
    assert time.monotonic() - began < 6


def test_a_machine_that_goes_off_during_cloud_init_is_not_waited_for(
    stand_in: GuestStandIn,
) -> None:
    stand_in.write("/run/cloud-init/status.json", IN_MODULES_CONFIG)
    stand_in.start()
    threading.Timer(1.5, stand_in.kill).start()
    began = time.monotonic()
    with pytest.raises(GuestError, match="charly-x has crashed"):
        wait_until_ready(
            stand_in.guest(),
            Deadline(60),
            alive=lambda: None if stand_in.pid else "charly-x has crashed",
        )
    assert time.monotonic() - began < 10


def test_a_guest_that_reboots_during_cloud_init_is_waited_for(stand_in: GuestStandIn) -> None:
    def reboot() -> None:
        stand_in.kill()
        stand_in.write("/run/cloud-init/status.json", FINISHED)
        stand_in.write("/run/cloud-init/result.json", "{}")
        stand_in.start()

    stand_in.write("/run/cloud-init/status.json", IN_MODULES_CONFIG)
    stand_in.start()
    threading.Timer(1.5, reboot).start()
    found = wait_until_ready(stand_in.guest(), Deadline(60), alive=alive)
    assert found.cloud_init is State.FINISHED


def test_a_key_that_is_refused_is_tried_again_until_it_is_there(
    stand_in: GuestStandIn,
) -> None:
    other = make_key_pair(stand_in.directory / "other", comment="")
    stand_in.start()

    def allow() -> None:
        stand_in.kill()
        (stand_in.directory / "authorized_keys").write_text(other.public + "\n")
        stand_in.start()

    threading.Timer(1, allow).start()
    wait_for_ssh(stand_in.guest(key="other"), Deadline(60), alive=alive)


def test_a_key_that_is_refused_is_tried_rarely_and_reported(served: GuestStandIn) -> None:
    make_key_pair(served.directory / "other", comment="")
    before = served.connections
    with pytest.raises(GuestTimeout) as caught:
        wait_for_ssh(served.guest(key="other"), Deadline(2), alive=alive)
    assert caught.value.seen == "permission denied for somebody"
    assert served.connections == before + 2


@pytest.mark.parametrize(
    ("waited", "patience"), [(0, 1), (4, 1), (20, 4), (40, 5), (60, 5), (240, 20)]
)
def test_whoever_boots_slowly_has_more_time_for_a_banner(waited: float, patience: float) -> None:
    assert patience_after(waited) == patience


def test_another_host_key_is_not_waited_for(stand_in: GuestStandIn) -> None:
    stand_in.start()
    with pytest.raises(GuestError, match="its SSH host key is not the one"):
        wait_until_ready(stand_in.guest(name="charly-y"), Deadline(60), alive=alive)
