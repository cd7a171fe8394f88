"""Several accounts on one host: each with a ledger of its own, or all with one."""

from __future__ import annotations

import json
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from several_accounts import Accounts, Running, several_accounts

pytestmark = pytest.mark.live

A, B, OUTSIDER = "charly-ledger-a", "charly-ledger-b", "charly-ledger-c"
AT_ONCE = 5.0
"""Who is not told looks again by himself only after 15 s."""

HOLD = """
import sys
from charly_vm.arbiter.wish import make_wish
from charly_vm.machine.arbitration import find_arbiter, this_claimant
arbiter = find_arbiter()
arbiter.progress.note = lambda text: print(text, flush=True)
lease = arbiter.claim(
    make_wish([sys.argv[1]]), this_claimant(sys.argv[2]), timeout=60, domain=sys.argv[3]
)
print("granted", flush=True)
sys.stdin.read()
lease.release()
"""
TRY = """
import json, sys
from charly_vm.arbiter.wish import make_wish
from charly_vm.errors import ClaimUnavailable
from charly_vm.machine.arbitration import find_arbiter, this_claimant
try:
    find_arbiter().claim(make_wish(sys.argv[1:]), this_claimant("a-try"), timeout=0.5).release()
    print(json.dumps(""))
except ClaimUnavailable as error:
    print(json.dumps(str(error)))
"""
MACHINES = """
import os, sys
from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.records import Life, StoppedHolder, StopState
from charly_vm.arbiter.wish import make_wish
from charly_vm.host.boot import boot_id
from charly_vm.machine.arbitration import this_claimant
from charly_vm.machine.claims import open_ledger
ledger = open_ledger()
parts = {Life.MACHINE: make_wish(["card"]), Life.HOLDER: make_wish(["stick"])}
lease = Arbiter(ledger).claim(make_wish(["card", "stick"]), this_claimant("charly-theirs"))
lease.hand_over("charly-theirs", parts)
key = f"{os.getuid()}-charly-down"
with ledger.open() as book:
    book.write_stopped(StoppedHolder(
        key, os.getuid(), "somebody", {"kind": "machine", "name": "down", "domain": "charly-down"},
        make_wish(["lamp"]), ("none",), "a bed", 0.0, boot_id(), state=StopState.STOPPED,
    ))
"""
DOCTOR = """
import dataclasses, json
from charly_vm.machine.doctor.leases import examine_leases
print(json.dumps([dataclasses.asdict(one) for one in examine_leases()]))
"""
MEND = """
import json
from charly_vm.machine.shared_ledger import mend_shared_ledger
print(json.dumps(mend_shared_ledger()))
"""
COUNT = """
import sys
from pathlib import Path
from charly_vm.arbiter.wish import make_wish
from charly_vm.machine.arbitration import find_arbiter, this_claimant
counter, arbiter = Path(sys.argv[1]), find_arbiter()
for _ in range(25):
    with arbiter.claim(make_wish(["counter"]), this_claimant("counter"), timeout=60):
        counter.write_text(str(int(counter.read_text()) + 1))
print("granted", flush=True)
"""


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with several_accounts() as made:
        yield made


@pytest.fixture(scope="module")
def made(accounts: Accounts) -> str:
    """What `charly doctor --fix` says when root makes the directory, and two accounts follow."""
    directory = accounts.directory / "leases"
    accounts.environment = {"CHARLY_LEASES_DIRECTORY": str(directory)}
    done = accounts.charly("", "doctor", "--fix", "--json")
    accounts.environment = {}
    for account in (A, B):
        accounts.as_root("usermod", "-aG", "charly", account)
    return done.stderr


@pytest.fixture
def shared(accounts: Accounts, made: str) -> Iterator[Path]:
    """The directory, which every account's settings name."""
    directory = accounts.directory / "leases"
    accounts.environment = {"CHARLY_LEASES_DIRECTORY": str(directory)}
    yield directory
    accounts.environment = {}
    for running in accounts.started:
        running.kill()
    for part in ("claims", "stopped", "inhibited"):
        accounts.as_root("find", directory / part, "-type", "f", "-delete")


def hold(accounts: Accounts, account: str, token: str = "gpu", *, domain: str = "") -> Running:
    return accounts.start(account, HOLD, token, f"bed-of-{account[-1]}", domain)


def standing(accounts: Accounts, account: str) -> dict[str, Any]:
    done = accounts.charly(account, "preempt", "status", "--json")
    assert done.status == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def doctor(accounts: Accounts, account: str) -> dict[str, Any]:
    """The line that says whether accounts can share it."""
    found: dict[str, Any] = accounts.python(account, DOCTOR)[-1]
    assert found["name"] == "accounts"
    return found


def test_accounts_have_ledgers_of_their_own_unless_they_say_otherwise(accounts: Accounts) -> None:
    for account in (A, B):
        hold(accounts, account).wait_for("granted")
    for account in (A, B):
        [claim] = standing(accounts, account)["claims"]
        assert claim["who"].startswith(f"bed-of-{account[-1]} ")
    for running in accounts.started:
        running.end()


def test_root_makes_the_directory_and_says_who_has_to_do_what(
    accounts: Accounts, made: str, shared: Path
) -> None:
    assert f"{shared} is a ledger that the group charly shares now" in made
    assert "usermod -aG charly USER" in made
    gid = int(accounts.as_root("getent", "group", "charly").split(":")[2])
    for place in (shared, *(shared / one for one in ("claims", "stopped", "inhibited", "damaged"))):
        told = accounts.as_root("stat", "-c", "%a %G", place).strip()
        assert told == "2770 charly", place
    assert gid
    assert accounts.python("", MEND) == []
    for account in ("", A):
        assert doctor(accounts, account)["good"], doctor(accounts, account)


def test_who_waits_for_another_account_is_told_when_that_is_done(
    accounts: Accounts, shared: Path
) -> None:
    first = hold(accounts, A)
    first.wait_for("granted")
    second = hold(accounts, B)
    second.wait_for("bed-of-b waits: gpu is held exclusively by bed-of-a")
    assert [one["state"] for one in standing(accounts, B)["claims"]] == ["granted", "waiting"]
    begun = time.monotonic()
    first.end()
    second.wait_for("granted")
    assert time.monotonic() - begun < AT_ONCE
    second.end()
    assert standing(accounts, A)["claims"] == []


def test_who_waits_for_another_account_is_told_when_that_is_killed(
    accounts: Accounts, shared: Path
) -> None:
    first = hold(accounts, A)
    first.wait_for("granted")
    second = hold(accounts, B)
    second.wait_for("waits")
    begun = time.monotonic()
    first.kill()
    second.wait_for("granted")
    assert time.monotonic() - begun < AT_ONCE
    # The dead claim is another account's, and so are both of its files.
    [record] = json.loads(accounts.as_root("sh", "-c", _PRINT_CLAIMS, "sh", shared))
    assert record["claimant"]["name"] == "bed-of-b"
    second.end()


_PRINT_CLAIMS = """cd "$1/claims"; printf '['; set -- *.json; cat "$1"; shift
for one; do printf ','; cat "$one"; done; printf ']'"""


def test_files_are_the_groups_in_spite_of_a_umask_that_closes_them(
    accounts: Accounts, shared: Path
) -> None:
    first = hold(accounts, A)
    first.wait_for("granted")
    told = accounts.as_root("find", shared, "-type", "f", "-printf", "%P %m %g\n")
    files = {re.sub(r"[0-9a-f]{16}", "ID", line) for line in told.splitlines()}
    assert files == {"lock 660 charly", "claims/ID.json 640 charly", "claims/ID.lock 660 charly"}
    first.end()


def test_what_a_killed_account_could_not_open_to_others_is_in_nobodys_way(
    accounts: Accounts, shared: Path
) -> None:
    stray = shared / "claims" / f"{0:016x}.lock"
    accounts.as_root("install", "-o", A, "-g", "charly", "-m", "600", "/dev/null", stray)
    assert accounts.python(B, TRY, "gpu") == ""
    assert accounts.as_root("ls", shared / "claims").split() == [stray.name]
    assert accounts.python(A, TRY, "gpu") == ""
    assert accounts.as_root("ls", shared / "claims") == ""


def test_two_accounts_never_have_it_at_once(accounts: Accounts, shared: Path) -> None:
    counter = accounts.directory / "counter"
    counter.write_text("0")
    counter.chmod(0o666)
    both = [accounts.start(account, COUNT, str(counter)) for account in (A, B)]
    for one in both:
        one.wait_for("granted", 60)
        one.end()
    assert counter.read_text() == "50"


def test_machines_and_holders_of_another_account_are_respected(
    accounts: Accounts, shared: Path
) -> None:
    accounts.python(A, f"{MACHINES}\nprint(1)")
    uid = accounts.as_root("id", "-u", A).strip()
    for token in ("card", "stick"):
        told = accounts.python(B, TRY, token)
        assert f"{token} is held exclusively by charly-theirs (machine of {A}" in told
    # What the other gave up is to be had, and not for us to start again.
    assert accounts.python(B, TRY, "lamp") == ""
    done = accounts.charly(B, "preempt", "restore")
    assert done.stdout == "nothing to start\n", done
    seen = standing(accounts, B)
    assert {one["who"] for one in seen["claims"]} == {f"machine charly-theirs of {A}"}
    assert [(one["name"], one["state"]) for one in seen["holders"]] == [("down", "stopped")]
    left = accounts.as_root("find", shared, "-name", "*.json", "-printf", "%f\n").split()
    assert sorted(left) == [
        f"{uid}-charly-down.json",
        f"holder-{uid}-charly-theirs.json",
        f"machine-{uid}-charly-theirs.json",
    ]
    # Its own account knows that there are no such machines.
    assert "down is no longer there" in accounts.charly(A, "preempt", "restore").stdout
    assert accounts.python(A, TRY, "card", "stick") == ""


def test_a_machine_that_a_killed_account_has_left_keeps_its_claim(
    accounts: Accounts, shared: Path
) -> None:
    first = hold(accounts, A, domain="charly-left")
    first.wait_for("granted")
    first.kill()
    told = accounts.python(B, TRY, "gpu")
    assert "gpu is held exclusively by bed-of-a" in told
    assert "dead, its machine is still there" in told
    assert [one["state"] for one in standing(accounts, B)["claims"]] == ["left"]
    # Only its own account can tell that there is no such machine.
    assert accounts.python(A, TRY, "gpu") == ""
    assert accounts.python(B, TRY, "gpu") == ""


def test_an_owner_at_work_keeps_nobody_elses_holders(accounts: Accounts, shared: Path) -> None:
    assert accounts.charly(A, "preempt", "inhibit", "--for", "1h").status == 0
    assert any("no holder of this account" in one for one in standing(accounts, A)["notes"])
    assert standing(accounts, B)["notes"] == []
    assert "already" in accounts.charly(B, "preempt", "inhibit", "--off").stdout
    assert "again" in accounts.charly(A, "preempt", "inhibit", "--off").stdout


def test_an_account_outside_of_the_group_is_told_what_to_do(
    accounts: Accounts, shared: Path
) -> None:
    for words in (["claim", "gpu", "--", "true"], ["preempt", "status"]):
        done = accounts.charly(OUTSIDER, *words)
        assert done.status == 1
        told = f"{OUTSIDER} is not in the group charly, which shares the ledger {shared}"
        assert done.stderr == (
            f"charly: {told}\n  hint: sudo usermod -aG charly {OUTSIDER}  # and log in again\n"
        )
    found = doctor(accounts, OUTSIDER)
    assert (found["good"], found["found"]) == (False, told)
    assert found["fix"] == f"sudo usermod -aG charly {OUTSIDER}  # and log in again"
    # A command that has nothing to do with leases works all the same.
    assert accounts.charly(OUTSIDER, "settings", "list").status == 0
    old = accounts.charly(B, "claim", "gpu", "--", "true", fresh_login=False)
    assert f"this login is older than {B}'s membership in the group charly" in old.stderr
    assert old.stderr.endswith("hint: log in again\n")


def test_a_directory_in_use_is_mended_under_those_who_use_it(
    accounts: Accounts, shared: Path
) -> None:
    first = hold(accounts, A)
    first.wait_for("granted")
    accounts.as_root("sh", "-c", 'chmod 600 "$1"/claims/*.json', "sh", shared)
    told = accounts.charly(B, "preempt", "status").stderr
    assert f"cannot read the ledger {shared}: Permission denied" in told
    assert "hint: `charly doctor` has the command that mends it" in told
    # With five digits, or the setgid bit stays.
    accounts.as_root("chmod", "00755", shared / "claims")
    assert "claims has the mode 0755" in accounts.charly(B, "preempt", "status").stderr
    found = doctor(accounts, A)
    assert "claims has the mode 0755, and not 2770" in found["found"]
    # It is root's, and an ordinary user leaves it alone.
    assert accounts.python(A, MEND) == []
    assert found["fix"].startswith(f"sudo install -d -g charly -m 2770 {shared}/claims && ")
    assert accounts.python("", MEND)[0].endswith("shares now")
    assert doctor(accounts, A)["good"]
    second = hold(accounts, B)
    second.wait_for("waits: gpu is held exclusively by bed-of-a")
    accounts.as_root("chmod", "02775", shared / "claims")
    accounts.as_root("sh", "-c", 'chmod 664 "$1"/claims/*.lock', "sh", shared)
    assert accounts.python("", MEND)[0].endswith("shares now")
    assert [one["state"] for one in standing(accounts, B)["claims"]] == ["granted", "waiting"]
    assert "granted" not in second.output
    first.end()
    second.wait_for("granted")
    second.end()


def test_the_command_for_root_does_what_it_says(accounts: Accounts, made: str) -> None:
    directory = accounts.directory / "leases-by-command"
    accounts.environment = {"CHARLY_LEASES_DIRECTORY": str(directory)}
    try:
        for account in (OUTSIDER, A):
            accounts.as_root("rm", "-rf", directory)
            command = doctor(accounts, account)["fix"]
            entering = f" && sudo usermod -aG charly {account}  # and log in again"
            assert command.endswith(entering) == (account == OUTSIDER)
            accounts.as_root("sh", "-c", command.removesuffix(entering).replace("sudo ", ""))
        assert doctor(accounts, A)["good"], doctor(accounts, A)
        accounts.as_root("chmod", "01700", directory, directory / "claims")
        accounts.as_root("chgrp", "root", directory / "stopped")
        accounts.as_root("sh", "-c", doctor(accounts, A)["fix"].replace("sudo ", ""))
        assert doctor(accounts, A)["good"], doctor(accounts, A)
        running = hold(accounts, A)
        running.wait_for("granted")
        running.end()
    finally:
        accounts.environment = {}


def test_a_user_makes_it_where_the_user_may(accounts: Accounts, made: str) -> None:
    above = accounts.directory / "leases-of-a"
    accounts.as_root("install", "-d", "-o", A, "-m", "755", above)
    accounts.environment = {"CHARLY_LEASES_DIRECTORY": str(above / "here")}
    try:
        assert doctor(accounts, A)["fix"] == "charly doctor --fix"
        assert doctor(accounts, B)["fix"].startswith("sudo install -d -g charly -m 2770")
        assert accounts.python(B, MEND) == []
        assert accounts.python(A, MEND) == [
            f"{above}/here is a ledger that the group charly shares now"
        ]
        for account in (A, B):
            assert doctor(accounts, account)["good"]
            assert accounts.python(account, TRY, "gpu") == ""
    finally:
        accounts.environment = {}


def test_what_is_there_for_something_else_is_left_alone(accounts: Accounts, made: str) -> None:
    victim = accounts.directory / "leases-not"
    accounts.as_root("install", "-d", "-m", "755", victim)
    accounts.as_root("touch", victim / "shadow")
    link = accounts.directory / "leases-link"
    accounts.as_root("ln", "-s", victim, link)
    try:
        for directory in (victim, link):
            accounts.environment = {"CHARLY_LEASES_DIRECTORY": str(directory)}
            assert accounts.python("", MEND) == []
            assert "is there for other things" in doctor(accounts, "")["found"]
        accounts.as_root("rm", victim / "shadow")
        done = accounts.charly("", "doctor", "--fix")
        assert f"{link} is a link or a file" in done.stderr
        assert stat.S_IMODE(victim.stat().st_mode) == 0o755
    finally:
        accounts.environment = {}
