"""`write_files:` of cloud-init: files that are there before anything of the author's runs."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, model_validator

from charly_vm.model.base import Model
from charly_vm.model.form import Form

_BASE64 = ("b64", "base64")
_GZIPPED = ("gz+b64", "gz+base64", "gzip+b64", "gzip+base64")
_BINARY = ("gz", "gzip")

Encoding = Literal["text/plain", "b64", "base64", "gz+b64", "gz+base64", "gzip+b64", "gzip+base64"]


def _refuse_binary(written: object) -> object:
    if written in _BINARY:
        raise ValueError(f"what {written} gives is no text; write it in base64: {written}+b64")
    return written


class WriteFile(Model):
    """One file with all that is in it."""

    path: Annotated[str, Form(r"/.*[^/]", "the absolute path of a file, such as /etc/motd")]
    """Where it is in the guest."""
    content: str = ""
    """What is in it."""
    owner: Annotated[str, Form(r"[^:\s]+(:[^:\s]+)?", "an owner: user or user:group")] | None = None
    """Whose it is; root:root where it is not written."""
    perms: Annotated[str, Form(r"0?[0-7]{3,4}", "a mode in octal digits, such as 0644")] | None = (
        None
    )
    """Its mode; 0644 where it is not written."""
    encoding: Annotated[Encoding, BeforeValidator(_refuse_binary)] | None = None
    """How `content` is written."""

    @model_validator(mode="after")
    def _is_encoded_as_it_says(self) -> Self:
        if self.encoding in (*_BASE64, *_GZIPPED):
            try:
                data = base64.b64decode("".join(self.content.split()), validate=True)
            except (binascii.Error, ValueError):
                raise ValueError(f"the content of {self.path} is not base64") from None
            if self.encoding in _GZIPPED and data[:2] != b"\x1f\x8b":
                raise ValueError(f"the content of {self.path} is base64, but not of gzip's data")
        return self

    @property
    def belongs_to_root(self) -> bool:
        return self.owner is None or set(self.owner.split(":")) == {"root"}
