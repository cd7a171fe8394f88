"""A real Debian guest: our own disk, served on loopback as if it were a cloud image, and booted.

One machine for the whole module, since it takes most of a minute to boot under TCG. UEFI boots its
btrfs root; the bed that ships has the other kinds.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import http.server
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from debian_disks import BTRFS_OF_DEBIAN_13, build, require_whole
from testinfra.host import Host

from charly_vm.backend.emulator_process import find_emulator
from charly_vm.check.steps import run_step
from charly_vm.errors import GuestTimeout
from charly_vm.guest.address import GuestUnreachable
from charly_vm.guest.agent import AgentShell
from charly_vm.guest.testinfra_host import make_testinfra_host
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.machine.bed import BedRun
from charly_vm.machine.evidence.collect import TOTAL_SECONDS, collect_evidence
from charly_vm.machine.evidence.guest_asking import QUESTION_SECONDS
from charly_vm.machine.machine import Machine
from charly_vm.model.project import Project, load_project
from charly_vm.model.verbs import VERBS, LibvirtVerb, SpiceVerb

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]


EVERY_VERB = Path(__file__).with_name("every_verb.yml")


class _Server(http.server.SimpleHTTPRequestHandler):
    """Stands in for a distribution's download server."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose image comes over HTTP, with its checksum in a file beside it."""
    image = build(BTRFS_OF_DEBIAN_13)
    site = tmp_path_factory.mktemp("site")
    (site / "debian-13-cloud-amd64.qcow2").symlink_to(image)
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    (site / "SHA256SUMS").write_text(f"{digest}  debian-13-cloud-amd64.qcow2\n")
    handler = functools.partial(_Server, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        file = tmp_path_factory.mktemp("project") / "charly.yml"
        file.write_text(EVERY_VERB.read_text().replace("@PORT@", str(server.server_port)))
        file.with_name("every_verb.here").write_text("#!/bin/sh\n")
        yield load_project(file)
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def bed(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BedRun]:
    run = BedRun(project, project.deploys["check-cloud"], evidence=tmp_path_factory.mktemp("ev"))
    run.bring_up()
    yield run
    run.tear_down()


@pytest.fixture
def machine(bed: BedRun) -> Machine:
    return bed.require_machine()


@pytest.fixture
def host(machine: Machine) -> Host:
    return make_testinfra_host(machine.guest)


def test_it_booted_by_its_own_boot_loader_and_the_root_has_grown(host: Host) -> None:
    assert "root=LABEL=root" in host.file("/proc/cmdline").content_string
    assert host.file("/sys/firmware/efi").is_directory
    require_whole(host, "btrfs", gibibytes=5)


def test_cloud_init_has_given_it_its_name_and_its_only_host_key(
    host: Host, machine: Machine
) -> None:
    assert host.check_output("hostname") == "charly-check-cloud"
    keys = host.check_output("ls /etc/ssh/ssh_host_*_key.pub").split()
    assert keys == ["/etc/ssh/ssh_host_ed25519_key.pub"]
    public = machine.record.machine.paths.host_key.with_suffix(".pub").read_text().split()[1]
    with host.sudo():
        assert public in host.check_output("cat /etc/ssh/ssh_host_ed25519_key.pub")


def test_testinfra_sees_the_guest(host: Host) -> None:
    assert host.system_info.distribution == "debian"
    assert host.service("ssh").is_running
    assert host.package("cloud-init").is_installed
    assert host.file("/etc/passwd").user == "root"
    assert host.user("tester").shell == "/bin/bash"
    with host.sudo():
        assert host.check_output("id -u") == "0"
    failing = host.run("echo out; echo ümlaut >&2; exit 3")
    assert (failing.rc, failing.stdout, failing.stderr) == (3, "out\n", "ümlaut\n")


def test_every_verb_passes_and_fails_on_a_real_guest(bed: BedRun, project: Project) -> None:
    view = bed.view("deployed")
    steps = project.deploys["check-cloud"].steps
    results = [run_step(step, view) for step in steps]
    for result in results:
        assert result.passed == result.step.id.startswith("good-"), result.explain()
    met = {type(step.verb) for step in steps}
    assert met == set(VERBS.values()) - {LibvirtVerb, SpiceVerb}
    kept = bed.evidence / "check-cloud" / "artifacts" / "deployed" / "good-artifact" / "zeros"
    assert kept.read_bytes() == bytes(100)


def test_large_and_binary_output_comes_whole_and_apart(machine: Machine) -> None:
    result = machine.guest.run(
        "head -c 20000000 /dev/urandom >/tmp/blob; cat /tmp/blob; sha256sum </tmp/blob >&2",
        timeout=120,
    )
    assert len(result.stdout) == 20_000_000
    assert hashlib.sha256(result.stdout).hexdigest() == result.stderr.decode().split()[0]


def test_a_timeout_ends_the_command_in_the_guest_and_what_it_started(machine: Machine) -> None:
    with pytest.raises(GuestTimeout, match="begun"):
        machine.guest.run("echo begun; sleep 4711 & sleep 4711", timeout=3)
    assert machine.guest.run("pgrep -fx 'sleep 4711'").stdout == b""


def test_a_frozen_guest_is_noticed_and_comes_back(machine: Machine) -> None:
    emulator = find_emulator(machine.record.machine.uuid)
    assert emulator is not None
    with emulator:
        os.kill(emulator.pid, signal.SIGSTOP)
        try:
            # And not GuestTimeout, which would be the minute that the command was given.
            with pytest.raises(GuestUnreachable):
                machine.guest.run("true", timeout=60)
        finally:
            os.kill(emulator.pid, signal.SIGCONT)
    assert machine.guest.run("echo back", timeout=60).stdout == b"back\n"


def test_without_a_key_it_is_ready_by_its_agent_which_runs_commands_as_root(
    machine: Machine,
) -> None:
    resolved = dataclasses.replace(machine.record.machine, key="")
    keyless = Machine(dataclasses.replace(machine.record, machine=resolved))
    keyless.wait_until_ready(60)
    ask = functools.partial(machine.backend.ask_agent, machine.record.domain)
    result = AgentShell(machine.name, ask).run("id -un; echo two >&2; exit 3", timeout=30)
    assert (result.status, result.stdout, result.stderr) == (3, b"root\n", b"two\n")


FROM_THE_GUEST = {
    "dmesg.txt": "Linux version",
    "failed-units.txt": "the system is running\nno unit has failed",
    "network.txt": "$ ss -tuanp",
    "system.txt": "$ df -h",
    "cloud-init-result.json": '"errors": []',
    "cloud-init-status.json": '"stage": null',
    "cloud-init-output.log": "finished at",
    "cloud-init.log": "Cloud-init v.",
    "journal.txt": "systemd[1]: Startup finished in",
}


def read_answers(directory: Path) -> dict[str, str]:
    """What each file of the guest's begins to say for sure, as far as it is there."""
    return {
        name: sure if sure in (directory / name).read_text() else "something else"
        for name, sure in FROM_THE_GUEST.items()
        if (directory / name).exists()
    }


def test_the_evidence_holds_what_host_and_guest_know(bed: BedRun) -> None:
    machine = bed.require_machine()
    bed.asking("a step")
    # Which a ready guest may not have written yet.
    wait_for(
        "a login prompt on the console",
        lambda: "login:" in machine.console_tail() or NotYet(machine.console_tail(2)),
        Deadline(60),
    )
    machine.guest.run("echo step by step; seq 100000")
    began = time.monotonic()
    directory = bed.collect("deployed")
    assert time.monotonic() - began < TOTAL_SECONDS
    assert read_answers(directory) == FROM_THE_GUEST
    assert "login:" in (directory / "console.log").read_text()
    assert (directory / "screen.png").read_bytes().startswith(b"\x89PNG")
    assert "\n10.0.2.2 dev " in (directory / "network.txt").read_text()
    assert ":22 " in (directory / "network.txt").read_text()
    assert "-uuid" in (directory / "qemu-command.txt").read_text()
    last = json.loads((directory / "transcript.jsonl").read_text().splitlines()[-1])
    assert (last["item"], last["status"], last["stdout_truncated"]) == ("a step", 0, True)
    assert last["stdout"].startswith("step by step\n1\n2\n")
    assert last["stdout"].endswith("\n99999\n100000\n")
    assert set(json.loads((directory / "missing.txt").read_text())) <= {"qemu.log"}
    assert sum(path.stat().st_size for path in directory.iterdir()) < 20_000_000


def test_a_failed_unit_is_told_with_its_own_words(machine: Machine, tmp_path: Path) -> None:
    machine.guest.run(
        "sudo systemd-run --unit=grumbles sh -c 'echo not today; exit 3'; "
        "until systemctl is-failed grumbles; do sleep 0.1; done",
        timeout=60,
    )
    try:
        collect_evidence(machine, tmp_path / "ev")
    finally:
        machine.guest.run("sudo systemctl reset-failed grumbles", check=True)
    said = (tmp_path / "ev" / "failed-units.txt").read_text()
    assert said.startswith("the system is degraded")
    assert "$ systemctl status grumbles.service" in said
    assert "not today" in said
    assert "status=3" in said


def test_where_ssh_is_dead_the_agent_is_asked(machine: Machine, tmp_path: Path) -> None:
    resolved = dataclasses.replace(machine.record.machine, key="")
    keyless = Machine(dataclasses.replace(machine.record, machine=resolved))
    collect_evidence(keyless, tmp_path / "ev")
    assert read_answers(tmp_path / "ev") == FROM_THE_GUEST


def test_what_hangs_in_the_guest_costs_its_own_file_alone(machine: Machine, tmp_path: Path) -> None:
    hang = "sudo mount --bind /tmp/hang /usr/bin/dmesg"
    machine.guest.run(
        f"printf '#!/bin/sh\nsleep 4712' >/tmp/hang; chmod +x /tmp/hang; {hang}", check=True
    )
    try:
        collect_evidence(machine, tmp_path / "ev")
    finally:
        machine.guest.run("sudo umount /usr/bin/dmesg", check=True)
    missing = json.loads((tmp_path / "ev" / "missing.txt").read_text())
    assert f"waited {QUESTION_SECONDS:.0f} s for" in missing["dmesg.txt"]
    answers = read_answers(tmp_path / "ev")
    assert answers == {name: text for name, text in FROM_THE_GUEST.items() if name != "dmesg.txt"}
    assert machine.guest.run("pgrep -fx 'sleep 4712'").stdout == b""
