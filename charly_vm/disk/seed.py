"""The NoCloud seed: an ISO labelled `cidata` with the documents that cloud-init reads at boot."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from charly_vm.host.files import write_atomically

LABEL = "cidata"


def write_seed(path: Path, documents: Mapping[str, str]) -> None:
    """Write the ISO in one step. Its names are the documents', as Rock Ridge and as Joliet."""
    from pycdlib.pycdlib import PyCdlib

    image = PyCdlib()
    image.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=LABEL)
    try:
        for number, (name, text) in enumerate(sorted(documents.items())):
            data = text.encode()
            image.add_fp(
                io.BytesIO(data),
                len(data),
                iso_path=f"/FILE{number}.;1",
                rr_name=name,
                joliet_path=f"/{name}",
            )
        content = io.BytesIO()
        image.write_fp(content)
    finally:
        image.close()
    write_atomically(path, content.getvalue())
