"""Snapshots on the qemu backend: by QEMU's own jobs while it runs, by qemu-img while it does not.

A job belongs to the QEMU process: it goes on when whoever asked for it has died, and stays listed
until somebody dismisses it. Whoever comes next waits for it.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from charly_vm.backend import qmp
from charly_vm.backend.emulator_process import find_emulator
from charly_vm.errors import GuestTimeout, HostError
from charly_vm.host.process import require_tool, run
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.protocols import Domain

JOB = "charly-snapshot"
JOB_SECONDS = 1800.0
"""For as much memory as a guest may have."""
IMAGE_SECONDS = 600.0


def switch_layer(domain: Domain, layer: Path, below: Path) -> None:
    """Have a running QEMU write to `layer` instead of `below`, the image on which it stands."""
    if _find_node(domain, layer) is not None:
        return
    node = _find_node(domain, below)
    if node is None:
        raise HostError(
            f"{domain.name} does not write to {below}",
            hint=f"`charly vm stop` and `charly vm start` have it use {layer}",
        )
    qmp.execute(
        domain.paths.monitor_socket,
        "blockdev-snapshot-sync",
        {
            "node-name": node,
            "snapshot-file": str(layer),
            "snapshot-node-name": f"layer-{secrets.token_hex(4)}",
            "format": "qcow2",
            "mode": "existing",
        },
        timeout=IMAGE_SECONDS,
    )


def save_with_memory(domain: Domain, name: str) -> None:
    _run_job(domain, "snapshot-save", name)


def load_with_memory(domain: Domain, name: str) -> None:
    """Load a snapshot into a QEMU, and have its CPUs run."""
    _run_job(domain, "snapshot-load", name)
    qmp.execute(domain.paths.monitor_socket, "cont")


def drop_while_running(domain: Domain, name: str) -> None:
    _run_job(domain, "snapshot-delete", name)


def save_in_image(domain: Domain, name: str) -> None:
    _qemu_img("snapshot", "-q", "-c", name, domain.paths.overlay)


def load_in_image(domain: Domain, name: str) -> None:
    _qemu_img("snapshot", "-q", "-a", name, domain.paths.overlay)


def drop_in_image(domain: Domain, name: str) -> None:
    _qemu_img("snapshot", "-q", "-d", name, domain.paths.overlay)


def list_in_image(domain: Domain) -> dict[str, bool]:
    """The snapshots in the disk's image, and whether each has the memory; also while QEMU runs."""
    said = _qemu_img("info", "-U", "--output=json", "-f", "qcow2", domain.paths.overlay)
    listed = json.loads(said).get("snapshots", [])
    return {one["name"]: one["vm-state-size"] > 0 for one in listed}


def wait_for_job(domain: Domain) -> str:
    """Wait for the job that is under way, where there is one; its error, or nothing."""

    def probe() -> str | NotYet:
        try:
            jobs = qmp.execute(domain.paths.monitor_socket, "query-jobs")
        except qmp.MonitorError as error:
            # While it writes or reads the memory QEMU talks to nobody.
            _require_emulator(domain)
            return NotYet(error.message)
        ours = next((job for job in jobs if job["id"] == JOB), None)
        if ours is None:
            return ""
        if ours["status"] != "concluded":
            return NotYet(str(ours["status"]))
        qmp.execute(domain.paths.monitor_socket, "job-dismiss", {"id": JOB})
        return str(ours.get("error", ""))

    try:
        return wait_for(f"QEMU to finish a snapshot of {domain.name}", probe, Deadline(JOB_SECONDS))
    except GuestTimeout as error:
        raise HostError(str(error)) from error


def _run_job(domain: Domain, command: str, name: str) -> None:
    wait_for_job(domain)
    node = _find_node(domain, domain.paths.overlay)
    if node is None:
        raise HostError(
            f"{domain.name} does not write to {domain.paths.overlay}",
            hint="`charly vm stop` and `charly vm start` have it use that",
        )
    # The devices are named: a UEFI's variables are a raw image, which can hold no snapshot.
    arguments: dict[str, object] = {"job-id": JOB, "tag": name, "devices": [node]}
    if command != "snapshot-delete":
        arguments["vmstate"] = node
    qmp.execute(domain.paths.monitor_socket, command, arguments, timeout=JOB_SECONDS)
    problem = wait_for_job(domain)
    if problem:
        raise HostError(f"QEMU cannot do {command} {name} of {domain.name}: {problem}")


def _require_emulator(domain: Domain) -> None:
    emulator = find_emulator(domain.uuid)
    if emulator is None:
        raise HostError(f"QEMU for {domain.name} ended during a snapshot")
    emulator.close()


def _find_node(domain: Domain, image: Path) -> str | None:
    """The name of the block node through which a guest writes to an image."""
    for device in qmp.execute(domain.paths.monitor_socket, "query-block"):
        inserted: dict[str, Any] = device.get("inserted") or {}
        if not inserted.get("ro", True) and _image_of(inserted["file"]) == str(image):
            return str(inserted["node-name"])
    return None


def _image_of(filename: str) -> str:
    """The path in a name of QEMU's, which is a JSON document for what was put together later."""
    if not filename.startswith("json:"):
        return filename
    described = json.loads(filename.removeprefix("json:"))
    return str(described.get("file", {}).get("filename", ""))


def _qemu_img(*words: str | Path) -> str:
    tool = require_tool("qemu-img", package="qemu-utils (Fedora and Arch: qemu-img)")
    return run([tool, *words], timeout=IMAGE_SECONDS, what=f"qemu-img {words[0]}").stdout
