"""The stand-ins for NVIDIA's modules, built against Debian's headers of the lab's kernel."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from charly_vm.errors import LaunchError
from charly_vm.host.locks import hold
from charly_vm.host.process import require_tool, run

SOURCES = Path(__file__).with_name("modules")
KERNEL = "linux-image-amd64"
"""Debian's package that the lab has; see lab.yml."""
MODULES = ("nvidia", "nvidia-uvm", "nvidia-modeset", "nvidia-drm")


def build_modules(directory: Path, release: str) -> dict[str, bytes]:
    """The modules by the names of their files, for a kernel's release as `uname -r` says it.

    They are kept in `directory` by all that determines them, and the headers beside them, which
    leave Debian's mirrors earlier than people's disks.
    """
    digest = hashlib.sha256(release.encode() + digest_sources())
    built = directory / f"nvidia-stand-ins-{digest.hexdigest()[:16]}"
    # Who comes second finds them built.
    with hold(directory / "modules.lock"):
        if not built.exists():
            headers = _fetch_headers(directory, release)
            with tempfile.TemporaryDirectory(dir=directory, prefix=".modules-") as name:
                _build(Path(name), headers).rename(built)
    return {path.name: path.read_bytes() for path in built.iterdir()}


def build_expected_modules(directory: Path) -> None:
    """`build_modules` for the kernel that this host's lists have, so that they may be there before
    anybody asks for them. The lab's disk may get a newer one."""
    shown = run(["apt-cache", "depends", KERNEL], timeout=60, check=False)
    if found := re.search(r"Depends: linux-image-(\d\S+)", shown.stdout):
        with suppress(LaunchError):
            build_modules(directory, found[1])


def digest_sources() -> bytes:
    digest = hashlib.sha256()
    for source in sorted(SOURCES.iterdir()):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.digest()


def _build(work: Path, headers: Path) -> Path:
    make = require_tool("make", package="make")
    sources, modules = work / "sources", work / "modules"
    sources.mkdir()
    modules.mkdir()
    for source in SOURCES.iterdir():
        (sources / source.name).write_bytes(source.read_bytes())
    # Debian 13's headers come with what type information for debuggers is made from, by a program
    # that nobody else needs.
    settings = [f"M={sources}", "CONFIG_DEBUG_INFO_BTF_MODULES="]
    run([make, "-C", headers, f"-j{os.cpu_count()}", *settings, "modules"], timeout=180)
    for name in MODULES:
        built = sources / f"{name}.ko"
        # Nine tenths are for debuggers, and have to go through the guest's SSH server.
        run(["strip", "--strip-debug", built], timeout=20)
        built.rename(modules / built.name)
    return modules


def _fetch_headers(directory: Path, release: str) -> Path:
    """The directory that out-of-tree modules are built in, for a kernel of Debian's."""
    kept = directory / f"linux-headers-{release}"
    inside = Path("usr/src", f"linux-headers-{release}")
    if not kept.exists():
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory, prefix=".headers-") as name:
            work = Path(name)
            _download(work, f"linux-headers-{release}")
            tree = work / "tree"
            for package in work.glob("*.deb"):
                run(["dpkg-deb", "--extract", package, tree], timeout=120)
            # The one path in them that only an installed package fulfils.
            makefile = tree / inside / "Makefile"
            text = makefile.read_text()
            makefile.write_text(text.replace(" /usr/src/", f" {kept}/usr/src/"))
            tree.rename(kept)
    return kept / inside


def _download(work: Path, package: str) -> None:
    """The package, and what of the kernel's it needs: not the compiler, which is the host's."""
    options: Sequence[str] = ()
    try:
        names = _find_needed(package, options)
    except LaunchError:
        # The disk was made from newer lists than the host has.
        options = _fetch_lists(work / "apt")
        names = _find_needed(package, options)
    run(["apt-get", "-q", *options, "download", *names], cwd=work, timeout=300)


def _find_needed(package: str, options: Sequence[str]) -> list[str]:
    shown = run(["apt-cache", *options, "depends", package], timeout=60)
    needed = re.findall(r"Depends: (linux-(?:headers|kbuild)-\S+)", shown.stdout)
    if not needed:
        raise LaunchError(f"{package} is not in the lists", argv=shown.argv, log=shown.stdout)
    return [package, *needed]


def _fetch_lists(apt: Path) -> list[str]:
    """Fetch new lists from the host's sources, of which the host learns nothing; returns apt's
    options to use them."""
    for name in ("lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True)
    options = [
        f"-oDir::State::lists={apt / 'lists'}",
        f"-oDir::Cache={apt / 'cache'}",
        "-oAPT::Sandbox::User=",
        "-oAcquire::Languages=none",
    ]
    run(["apt-get", "-q", *options, "update"], timeout=300)
    return options
