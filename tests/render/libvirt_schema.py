"""What libvirt's own RNG schema says of domains: many of them at once.

`virt-xml-validate FILE domain` is `xmllint --relaxng` with this schema, and most of its second goes
into reading the schema. Here one xmllint reads it for all domains of a test module.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from charly_vm.host.process import require_tool, run

SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")


def find_refusals(domains: Mapping[str, str]) -> dict[str, str]:
    """By the names of those that the schema refuses: why, in xmllint's words."""
    xmllint = require_tool("xmllint", package="libxml2-utils")
    with tempfile.TemporaryDirectory() as directory:
        files = {}
        for number, (name, xml) in enumerate(domains.items()):
            files[name] = Path(directory, f"{number}.xml")
            files[name].write_text(xml)
        judged = run(
            [xmllint, "--noout", "--relaxng", SCHEMA, *files.values()], timeout=60, check=False
        )
    said = judged.stderr.splitlines()
    refusals = {}
    for name, file in files.items():
        if f"{file} validates" in said:
            continue
        assert f"{file} fails to validate" in said, judged.stderr
        refusals[name] = "\n".join(line for line in said if line.startswith(str(file)))
    return refusals
