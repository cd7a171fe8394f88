"""Where a disk comes from: `source:` of a VM entity, one model per kind."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from charly_vm.model.base import Model


class Checksum(Model):
    """What the downloaded image must hash to; without a value it is looked for beside the image."""

    type: Literal["sha256", "sha512"] = "sha256"
    value: str | None = None

    @field_validator("value")
    @classmethod
    def _is_hexadecimal(cls, value: str | None) -> str | None:
        if value is None:
            return None
        digest = value.lower()
        if not re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{128}", digest):
            raise ValueError("a checksum is 64 (sha256) or 128 (sha512) hexadecimal digits")
        return digest


class CloudImage(Model):
    """A ready disk image of a distribution, fetched from a URL."""

    kind: Literal["cloud_image"]
    url: str
    checksum: Checksum = Checksum()
    base_user: str | None = None
    """The account that the image already has; adopted instead of creating one."""

    @field_validator("url")
    @classmethod
    def _has_a_scheme_we_fetch(cls, value: str) -> str:
        if not re.match(r"(https?|file)://", value):
            raise ValueError("a url starts with http://, https:// or file://")
        return value


class Bootstrap(Model):
    """A disk built from a distribution's packages."""

    kind: Literal["bootstrap"]
    builder: Literal["mmdebstrap"] = "mmdebstrap"
    distro: str = "debian-12"
    """Distribution and release: debian-12, debian-13."""
    package: tuple[str, ...] = ()
    """Packages beyond those that make it boot and answer."""


Source = Annotated[CloudImage | Bootstrap, Field(discriminator="kind")]
