"""`cloud_init:` of a VM entity: what the guest does with itself when it first boots.

The keys are cloud-init's own where it has them. `extra` takes everything else of its language.
"""

from charly_vm.model.cloud_init.account import DEFAULT_ACCOUNT, Account
from charly_vm.model.cloud_init.block import CloudInit
from charly_vm.model.cloud_init.install import CharlyInstall
from charly_vm.model.cloud_init.mirrors import Mirrors
from charly_vm.model.cloud_init.network import GuestNetwork
from charly_vm.model.cloud_init.write_file import WriteFile

__all__ = [
    "DEFAULT_ACCOUNT",
    "Account",
    "CharlyInstall",
    "CloudInit",
    "GuestNetwork",
    "Mirrors",
    "WriteFile",
]
