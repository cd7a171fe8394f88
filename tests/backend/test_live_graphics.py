"""What a running machine's graphics are, as libvirt's XML and QEMU's monitor say it; pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from charly_vm.backend.libvirt_graphics import read_graphics, render_with_password
from charly_vm.backend.qemu_graphics import read_spice, read_vnc
from charly_vm.backend.viewer_password import choose_server, refuse_password
from charly_vm.errors import StateError
from charly_vm.model.live import LiveGraphics

SPICE = """
<graphics type='spice' port='5901' tlsPort='5902' autoport='yes' listen='127.0.0.1'
          passwd='old' passwdValidTo='2027-01-31T12:00:00' connected='keep'>
  <listen type='address' address='127.0.0.1'/>
  <image compression='off'/>
</graphics>"""
VNC_SOCKET = """
<graphics type='vnc' socket='/run/vnc.sock'><listen type='socket' socket='/run/vnc.sock'/>
</graphics>"""


def domain(*graphics: str) -> str:
    return f"<domain><devices>{''.join(graphics)}<video/></devices></domain>"


def test_live_xml_has_the_ports_that_libvirt_has_chosen() -> None:
    assert read_graphics(domain(SPICE, VNC_SOCKET, "<graphics type='egl-headless'/>")) == (
        LiveGraphics("spice", "127.0.0.1", 5901, 5902, has_password=True),
        LiveGraphics("vnc", socket="/run/vnc.sock"),
        LiveGraphics("egl-headless"),
    )
    assert read_graphics(domain("<graphics type='vnc' port='-1'/>")) == (LiveGraphics("vnc"),)
    assert read_graphics(domain()) == ()


def test_a_password_is_changed_and_everything_else_is_kept() -> None:
    changed, kind = render_with_password(domain(VNC_SOCKET, SPICE), "vm", "spice", "n&w'")
    assert kind == "spice"
    before, after = ET.fromstring(SPICE), ET.fromstring(changed)
    assert after.attrib == {**before.attrib, "passwd": "n&w'"}
    assert [one.attrib for one in after] == [one.attrib for one in before]


def test_qemu_says_where_its_servers_listen() -> None:
    listening = {"auth": "vnc", "family": "ipv4", "service": "5903", "host": "127.0.0.1"}
    at_socket = {"auth": "none", "family": "unix", "service": "/run/vnc.sock", "host": ""}
    browser = {**listening, "service": "5700", "websocket": True}
    assert read_vnc(
        [
            {"id": "graphics1", "auth": "vnc", "server": [listening, browser], "clients": []},
            {"id": "graphics2", "auth": "none", "server": [at_socket], "clients": []},
            {"id": "graphics3", "auth": "none", "server": [], "clients": []},
        ]
    ) == [
        LiveGraphics("vnc", "127.0.0.1", 5903, has_password=True),
        LiveGraphics("vnc", socket="/run/vnc.sock"),
    ]
    spice = {"enabled": True, "auth": "spice", "host": "127.0.0.1", "port": 5901, "tls-port": 5902}
    assert read_spice(spice) == [LiveGraphics("spice", "127.0.0.1", 5901, 5902, has_password=True)]
    # As QEMU 7.2 says it of one at a socket.
    of_spice = {"enabled": True, "auth": "none", "host": "/run/spice.sock", "mouse-mode": "server"}
    assert read_spice(of_spice) == [LiveGraphics("spice", socket="/run/spice.sock")]
    assert read_spice({"enabled": False}) == []


@pytest.mark.parametrize(
    ("there", "kind", "chosen"),
    [
        (["vnc"], "", "vnc"),
        (["egl-headless", "spice"], "", "spice"),
        (["vnc", "spice"], "spice", "spice"),
        (["vnc", "vnc"], "", "vnc"),
    ],
)
def test_the_server_that_is_meant_is_found(there: list[str], kind: str, chosen: str) -> None:
    assert choose_server("vm", there, kind) == chosen


@pytest.mark.parametrize(
    ("there", "kind", "words"),
    [
        ([], "", "no VNC or SPICE server"),
        (["egl-headless"], "", "graphics: egl-headless"),
        (["vnc"], "spice", "vm has no spice server .*graphics: vnc"),
        (["vnc", "spice"], "", "say which one"),
        (["rdp"], "rdp", "no rdp server whose password could be changed"),
    ],
)
def test_where_none_can_be_meant_the_error_says_what_there_is(
    there: list[str], kind: str, words: str
) -> None:
    with pytest.raises(StateError, match=words):
        choose_server("vm", there, kind)


def test_a_refused_password_is_not_in_the_error() -> None:
    error = refuse_password("vm", "vnc", "invalid password 's3cret' for VNC", "s3cret")
    assert "s3cret" not in str(error)
    assert "invalid password '***'" in str(error)
