"""From what was written to what runs on this host: every decision, made once and purely."""

from charly_vm.model.resolve.backend import NO_DAEMON_HINT, choose_backend
from charly_vm.model.resolve.machine import Overrides, Placement, resolve

__all__ = ["NO_DAEMON_HINT", "Overrides", "Placement", "choose_backend", "resolve"]
