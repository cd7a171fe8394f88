"""netcat as libvirt calls it on a host that it reaches by ssh: `nc -U SOCKET`, joined to stdio."""

from __future__ import annotations

import os
import socket
import sys
import threading


def main() -> None:
    if "-U" not in sys.argv:
        return
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.connect(sys.argv[-1])

    def send() -> None:
        while data := os.read(0, 65536):
            server.sendall(data)
        server.shutdown(socket.SHUT_WR)

    threading.Thread(target=send, daemon=True).start()
    while data := server.recv(65536):
        while data:
            data = data[os.write(1, data) :]


if __name__ == "__main__":
    main()
