"""Claims as tests make them: the fixture, the markers, and what a bed claims for its checks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from stand_in_project import log_of, write_project

from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.ledger import Ledger
from charly_vm.arbiter.records import Claimant
from charly_vm.arbiter.wish import make_wish

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def ledger(pytester: pytest.Pytester) -> Ledger:
    """The one that a run in pytester's home uses."""
    (pytester.path / "pytest.ini").write_text("[pytest]\n")
    return Ledger(Path(os.environ["HOME"]) / ".local/state/charly/leases")


@contextmanager
def somebody_has(ledger: Ledger, token: str) -> Iterator[None]:
    claimant = Claimant("the other one", "somebody", os.getuid(), os.getpid())
    with Arbiter(ledger).claim(make_wish([token]), claimant, timeout=0):
        yield


def is_empty(ledger: Ledger) -> bool:
    return not list((ledger.directory / "claims").iterdir())


CLAIMS = """\
import json, pathlib, pytest

def granted():
    files = pathlib.Path.home().glob(".local/state/charly/leases/claims/*.json")
    return sorted(tuple(json.loads(file.read_text())["wish"].items()) for file in files)

def tokens(way="exclusive"):
    return sorted(token for wish in granted() for token in dict(wish)[way])
"""


def test_the_fixture_claims_until_the_test_ends(pytester: pytest.Pytester, ledger: Ledger) -> None:
    pytester.makepyfile(
        CLAIMS + "def test_one(claim):\n"
        "    lease = claim('dongle', 'nvidia-gpu')\n"
        "    claim('licence', shared=True)\n"
        "    assert tokens() == ['dongle', 'nvidia-gpu'] and tokens('shared') == ['licence']\n"
        "    lease.release()\n"
        "    assert tokens() == []\n"
        "    claim('dongle')\n"
        "def test_two(): assert granted() == []\n"
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)
    assert is_empty(ledger)


def test_markers_claim_before_the_fixtures_and_nest_with_the_fixture(
    pytester: pytest.Pytester, ledger: Ledger
) -> None:
    pytester.makepyfile(
        CLAIMS + "@pytest.fixture\n"
        "def early(): return tokens()\n"
        "@pytest.mark.requires_exclusive('nvidia-gpu')\n"
        "@pytest.mark.requires_shared('licence')\n"
        "def test_marked(early, claim):\n"
        "    assert early == ['nvidia-gpu']\n"
        "    claim('nvidia-gpu', timeout=1)\n"
        "def test_plain(): assert granted() == []\n"
    )
    result = pytester.runpytest_subprocess("--strict-markers")
    result.assert_outcomes(passed=2)
    assert is_empty(ledger)


def test_what_fails_gives_back_as_well(pytester: pytest.Pytester, ledger: Ledger) -> None:
    pytester.makepyfile(
        "import pytest\n"
        "@pytest.mark.requires_exclusive('a')\n"
        "def test_marked(): assert 0\n"
        "def test_fixture(claim): claim('b'); assert 0\n"
    )
    pytester.runpytest_subprocess().assert_outcomes(failed=2)
    assert is_empty(ledger)


MARKED = "import pytest\n@pytest.mark.requires_exclusive('nvidia-gpu')\ndef test_it(): pass\n"


def test_a_test_waits_its_time_and_the_error_names_who_has_it(
    pytester: pytest.Pytester, ledger: Ledger
) -> None:
    pytester.makepyfile(MARKED)
    with somebody_has(ledger, "nvidia-gpu"):
        result = pytester.runpytest_subprocess("--charly-claim-timeout=1s")
    result.assert_outcomes(errors=1)
    held = f"nvidia-gpu is held exclusively by the other one (pid {os.getpid()}, since *"
    result.stdout.fnmatch_lines(
        [f"charly: test_it waits: {held}", f"*not to be had for test_it within 1 s: {held}"]
    )
    result.stdout.no_fnmatch_line("*claims.py*")


def test_a_test_on_a_worker_says_what_it_waits_for(
    pytester: pytest.Pytester, ledger: Ledger
) -> None:
    pytester.makepyfile(MARKED)
    with somebody_has(ledger, "nvidia-gpu"):
        said = pytester.runpytest_subprocess("-n1", "--charly-claim-timeout=1s")
        quiet = pytester.runpytest_subprocess("-n1", "-q", "--charly-claim-timeout=1s")
    said.assert_outcomes(errors=1)
    line = "charly: [[]gw0] test_it waits: nvidia-gpu is held exclusively by the other one*"
    said.stdout.fnmatch_lines(line)
    quiet.stdout.no_fnmatch_line(line)


def test_a_test_may_be_skipped_or_fail_at_once(pytester: pytest.Pytester, ledger: Ledger) -> None:
    pytester.makepyfile(MARKED)
    with somebody_has(ledger, "nvidia-gpu"):
        skipped = pytester.runpytest_subprocess("--charly-claims=skip", "-rs")
        failed = pytester.runpytest_subprocess("--charly-claims=fail")
    skipped.assert_outcomes(skipped=1)
    skipped.stdout.fnmatch_lines("SKIPPED*nvidia-gpu was not to be had*the other one*")
    failed.assert_outcomes(errors=1)


def test_a_marker_without_tokens_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.requires_shared\ndef test_it(): pass\n")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines('*@pytest.mark.requires_shared("nvidia-gpu")*')


def test_an_amount_of_what_nobody_knows_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(claim): claim(amounts={'seats': 1})\n")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*nothing says how much of 'seats' there is*")


def test_an_amount_is_of_what_the_project_says(pytester: pytest.Pytester) -> None:
    (pytester.path / "charly.yml").write_text("seats:\n  resource: {amount: 2}\n")
    pytester.makepyfile("def test_it(claim): claim(amounts={'seats': 2, 'ram': 2**20})\n")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_bed_claims_with_its_own_what_its_checks_ask_for(pytester: pytest.Pytester) -> None:
    write_project(pytester)
    (pytester.path / "test_one.py").write_text(
        "import pytest\nfrom pytest_charly import Bed\nbed = Bed('check-one')\n"
        "@pytest.mark.requires_exclusive('nvidia-gpu')\n"
        "def test_first(vm): pass\n"
        "@pytest.mark.requires_shared('licence')\n"
        "def test_second(vm): pass\n"
    )
    stand_in = pytester.path / "conftest.py"
    stand_in.write_text(
        stand_in.read_text().replace('self.log("up")', 'self.log(f"up for {self.wish}")')
    )
    result = pytester.runpytest_subprocess("--charly-bed=check-one", "--charly-no-rebuild")
    result.assert_outcomes(passed=4)
    assert log_of(pytester)[0] == "up for nvidia-gpu, licence (shared) check-one"


def test_a_bed_whose_claims_others_have_is_skipped_where_that_is_asked_for(
    pytester: pytest.Pytester,
) -> None:
    write_project(pytester)
    stand_in = pytester.path / "conftest.py"
    stand_in.write_text(
        stand_in.read_text()
        .replace('stall_in("preparation")', 'raise ClaimUnavailable("x has it", holder="x")')
        .replace("import GuestTimeout,", "import ClaimUnavailable, GuestTimeout,")
    )
    words = ["--charly-bed=check-one", "--charly-no-rebuild", "-rs"]
    result = pytester.runpytest_subprocess(*words, "--charly-claims=skip")
    result.assert_outcomes(passed=1, skipped=3)
    result.stdout.fnmatch_lines("*x has it*")
    result = pytester.runpytest_subprocess(*words, "--charly-claims=fail")
    result.assert_outcomes(passed=1, errors=1, skipped=2)
    result.stdout.fnmatch_lines("*check-one did not come up (deployed)*")


def test_the_ledger_says_which_test_has_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_gpu="import json, pathlib\n"
        "def test_it(claim):\n"
        "    claim('nvidia-gpu')\n"
        "    home = pathlib.Path.home()\n"
        "    [file] = home.glob('.local/state/charly/leases/claims/*.json')\n"
        "    pathlib.Path('who').write_text(file.read_text())\n"
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
    claimant = json.loads((pytester.path / "who").read_text())["claimant"]
    assert claimant["test"] == "test_gpu.py::test_it"
    assert claimant["name"] == "test_it"
