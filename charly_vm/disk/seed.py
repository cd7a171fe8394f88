"""The NoCloud seed: an ISO labelled `cidata` with the documents that cloud-init reads at boot."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from charly_vm.host.files import write_atomically

LABEL = "cidata"


def write_seed(path: Path, files: Mapping[str, str | bytes]) -> None:
    """Write the ISO in one step. Its names are the files', as Rock Ridge and as Joliet."""
    from pycdlib.pycdlib import PyCdlib

    image = PyCdlib()
    image.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=LABEL)
    try:
        for number, (name, content) in enumerate(sorted(files.items())):
            data = content.encode() if isinstance(content, str) else content
            image.add_fp(
                io.BytesIO(data),
                len(data),
                iso_path=f"/FILE{number}.;1",
                rr_name=name,
                joliet_path=f"/{name}",
            )
        whole = io.BytesIO()
        image.write_fp(whole)
    finally:
        image.close()
    write_atomically(path, whole.getvalue())
