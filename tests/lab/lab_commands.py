"""charly in the lab: a project whose token means the first card, and what its commands say."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from gpu_lab import Lab
from lab_code import DIRECT_EMULATOR, TINY_IMAGE
from lab_shell import Ended, Shell

PROJECT = """\
nvidia-gpu:
  resource: {gpu: {vendor: "0x1234", address: "0000:01:00.0"}}
second-gpu:
  resource: {gpu: {vendor: "0x1234", address: "0000:02:00.0"}}
"""
TINY = f"""\
tiny:
  vm:
    source:
      kind: cloud_image
      url: file://{TINY_IMAGE}
      checksum: {{type: sha256, value: @DIGEST@}}
    backend: @BACKEND@
    ram: 192M
    cpu: 1
    ssh: {{port_auto: true, user: tester}}
"""
"""A guest for the lab's machines."""
DIRECTLY = f"""\
  tiny-libvirt:
    libvirt: {{devices: {{emulator: {DIRECT_EMULATOR}}}}}
"""
VFIO = ("vfio-pci", "vfio-pci")
NVIDIA = ("nvidia", "snd_hda_intel")
FIRST, SECOND = "0000:01:00.0", "0000:02:00.0"
# An emulated host starts Python in seconds.
SECONDS = 120.0


@dataclass(frozen=True)
class Project:
    """A project in the lab, used by one account."""

    lab: Lab
    shell: Shell
    directory: str

    def charly(self, *words: str, timeout: float = SECONDS) -> Ended:
        command = f"cd {shlex.quote(self.directory)} && {shlex.join(['charly', *words])}"
        return self.shell.run(command, timeout=timeout, check=False)

    def gpu(self, *words: str, timeout: float = SECONDS) -> Ended:
        """`charly vm gpu …`"""
        return self.charly("vm", "gpu", *words, timeout=timeout)

    def switched(self, mode: str, card: str = FIRST) -> str:
        """What a switch says that has to succeed."""
        done = self.gpu("mode", mode, card)
        assert done.status == 0, done.stderr
        return done.stdout

    def refused(self, mode: str, card: str = FIRST) -> str:
        """What a switch says that has to be refused or to fail."""
        done = self.gpu("mode", mode, card)
        assert done.status == 1, done.stdout
        return done.stderr

    def status(self, card: str = FIRST) -> dict[str, Any]:
        """What `gpu status --json` says of a card."""
        done = self.gpu("status", "--json")
        assert done.status == 0, done.stderr
        found: dict[str, Any] = next(
            one for one in json.loads(done.stdout)["cards"] if one["address"] == card
        )
        return found

    def drivers(self, card: str = FIRST) -> tuple[str, ...]:
        """Of the card's functions, as the kernel's links say it."""
        slot = card.rpartition(".")[0]
        state = self.lab.state()
        return tuple(name for one, name in state.drivers.items() if one.startswith(slot))


def tiny_guest(lab: Lab, backend: str) -> str:
    """`TINY`, on a backend; on qemu it boots without a boot loader."""
    digest = lab.run(f"sha256sum {TINY_IMAGE}").stdout.split()[0]
    text = TINY.replace("@DIGEST@", digest).replace("@BACKEND@", backend)
    return text + DIRECTLY if backend == "qemu" else text


def make_project(lab: Lab, shell: Shell, text: str = PROJECT) -> Project:
    """In a directory of its own in the account's home."""
    make = "directory=$(mktemp -d ~/project.XXXX) && cat >$directory/charly.yml && echo $directory"
    directory = shell.run(make, stdin=text.encode()).stdout.strip()
    return Project(lab, shell, directory)


def journal_of(lab: Lab) -> str:
    """What is on record of switches, and when each file was made and written."""
    look = "cd /run/charly/gpu 2>/dev/null && stat -c '%n %i %y' . * && cat *"
    return lab.run(look, check=False).stdout
