"""Debian packages of any architecture, fetched and unpacked without being installed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from charly_vm.host.process import require_tool, run


def fetch_packages(work: Path, names: Sequence[str], *, kernel: str, architecture: str) -> Path:
    """A directory below `work` with the files of the packages and of the kernel's own package,
    which is the one that `kernel` depends on.

    They come from the host's own mirrors and release, for Debian's name of an architecture.
    """
    apt_get = require_tool("apt-get", package="a Debian host's apt-get: the tiny guest is made of")
    native = run(["dpkg", "--print-architecture"], timeout=20).stdout.strip()
    options = [] if architecture == native else _fetch_lists(work / "apt", architecture)
    shown = run(["apt-cache", *options, "depends", kernel], timeout=60).stdout
    image = re.search(r"Depends: (linux-image-\S+)", shown)
    assert image is not None, f"run `apt-get update`: {kernel} is not in the lists"
    run([apt_get, "-q", *options, "download", image[1], *names], cwd=work, timeout=300)
    tree = work / "tree"
    for package in work.glob("*.deb"):
        run(["dpkg-deb", "--extract", package, tree], timeout=120)
    return tree


def _fetch_lists(apt: Path, architecture: str) -> list[str]:
    """Fetch another architecture's lists, of which the host learns nothing; returns apt's options
    to use them."""
    for name in ("lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True)
    options = [
        f"-oDir::State::lists={apt / 'lists'}",
        "-oDir::State::status=/dev/null",
        f"-oDir::Cache={apt / 'cache'}",
        f"-oAPT::Architecture={architecture}",
        f"-oAPT::Architectures={architecture}",
        "-oAPT::Sandbox::User=",
        "-oAcquire::Languages=none",
    ]
    # Sources that are not Debian's may not have the architecture; the downloads tell.
    run(["apt-get", "-q", *options, "update"], timeout=300, check=False)
    return options
