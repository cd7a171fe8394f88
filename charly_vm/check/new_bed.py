"""A new bed as text: two nodes of a `charly.yml`, and a module of checks. Pure."""

from __future__ import annotations

import re

_PREFIX = "check-"

_NODES = """\
# What the machine is.
{entity}:
  vm:
    source: {source}
    ram: 1G
    ssh: {{port_auto: true}}

# What it is checked for. `disposable` allows charly to destroy and rebuild it unattended.
{bed}:
  vm: {{from: {entity}, disposable: true}}
  sshd-listens: {{check: sshd listens, port: 22}}
  nothing-failed:
    check: no unit has failed
    command: systemctl --failed --plain --no-legend
    stdout: ""
"""

_MODULE = '''\
"""The checks of {bed} that are easier to say in Python."""

from pytest_charly import Bed

bed = Bed("{bed}")


def test_the_network_is_up(guest):
    assert guest.interface.default().addresses


def test_the_screen_shows_something(vm):
    assert vm.screenshot().startswith(b"\\x89PNG")
'''

BOOTSTRAP = "{kind: bootstrap, distro: debian-12}"


def bed_name(name: str) -> str:
    """The bed's, whichever of the two an author named: check-x."""
    return name if name.startswith(_PREFIX) else _PREFIX + name


def entity_name(name: str) -> str:
    """The name of the machine's shape: x-vm."""
    return bed_name(name).removeprefix(_PREFIX).removesuffix("-vm") + "-vm"


def module_name(name: str) -> str:
    """The file of its checks in Python: check_x.py."""
    return re.sub(r"\W", "_", bed_name(name)) + ".py"


def render_nodes(name: str, source: str = BOOTSTRAP) -> str:
    """The two nodes, with a source in YAML's flow notation."""
    return _NODES.format(entity=entity_name(name), bed=bed_name(name), source=source)


def render_module(name: str) -> str:
    """The module."""
    return _MODULE.format(bed=bed_name(name))
