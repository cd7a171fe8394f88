"""`charly_install:` of cloud-init: whether and how charly's own program gets into the guest.

Nothing in this engine needs it there, since everything is applied from the host.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import model_validator

from charly_vm.model.base import Model
from charly_vm.model.form import Form

_URL = Form(r"(https?|file)://[^\s'\"\\]+", "an http, https or file URL")
_DIGEST = Form(
    r"(sha256:)?[0-9A-Fa-f]{64}|(sha512:)?[0-9A-Fa-f]{128}",
    "a checksum: the 64 (sha256) or 128 (sha512) hexadecimal digits",
)


class CharlyInstall(Model):
    """Whether and how charly's program becomes /usr/local/bin/charly in the guest."""

    strategy: Literal["auto", "scp", "url", "skip", "none"] = "auto"
    """`url`: the guest fetches it. `scp`: it is copied from this host. `auto`: what the url calls
    for, and nothing without one. `skip`: the image has it. `none`: it is not wanted."""
    url: Annotated[str, _URL] | None = None
    """http or https for the guest; file:// for what is copied."""
    checksum: Annotated[str, _DIGEST] | None = None
    """What the file has to hash to."""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.strategy == "url" and (self.url is None or self.is_local):
            raise ValueError("strategy url needs the url that the guest fetches: https://…")
        if self.strategy == "scp" and self.url is not None and not self.is_local:
            raise ValueError("strategy scp copies a file of this host: url: file:///path/of/it")
        if self.checksum is not None and self.url is None:
            raise ValueError("a checksum has no meaning without a url")
        return self

    @property
    def is_local(self) -> bool:
        return self.url is not None and self.url.startswith("file://")

    @property
    def fetched(self) -> str | None:
        """The URL that the guest fetches it from."""
        return self.url if self.strategy in ("auto", "url") and not self.is_local else None

    @property
    def copied(self) -> str | None:
        """The path on this host of the file that is copied."""
        wanted = self.url if self.strategy in ("auto", "scp") and self.is_local else None
        return wanted and wanted.removeprefix("file://")
