"""Which backend runs a machine."""

from __future__ import annotations

from charly_vm.errors import HostError
from charly_vm.host.facts import Facts
from charly_vm.model.resolved import BackendName

NO_DAEMON_HINT = (
    "start it with `systemctl --user enable --now virtqemud.service` (libvirtd.service on older "
    "hosts), or use `backend: qemu`"
)


def choose_backend(wanted: str, facts: Facts) -> tuple[BackendName, str]:
    """The backend for `auto`, `libvirt` or `qemu`, and the reason where it was our choice."""
    if wanted == "qemu":
        return BackendName.QEMU, ""
    if facts.libvirt is not None:
        major, minor, patch = facts.libvirt.version
        reason = f"libvirt {major}.{minor}.{patch} answers"
        return BackendName.LIBVIRT, "" if wanted == "libvirt" else reason
    if facts.hypervisor_uri:
        raise HostError(
            facts.libvirt_reason,
            hint="CHARLY_LIBVIRT_URI or the setting libvirt.uri chose that hypervisor; without it, "
            "or with `backend: qemu`, the machine is made on this host",
        )
    if wanted == "libvirt" and facts.is_root:
        raise HostError(
            "backend: libvirt needs a user's libvirt session, and root has none",
            hint="run charly as an ordinary user, use `backend: auto` or `backend: qemu`, or name "
            "another libvirt in CHARLY_LIBVIRT_URI",
        )
    if wanted == "libvirt":
        raise HostError(
            f"libvirt backend requires libvirt session daemon: {facts.libvirt_reason}",
            hint=facts.libvirt_hint or NO_DAEMON_HINT,
        )
    if facts.is_root:
        return BackendName.QEMU, "root has no libvirt session"
    return BackendName.QEMU, f"libvirt is not available: {facts.libvirt_reason}"
