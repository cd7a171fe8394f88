"""Where a disk comes from: `source:` of a VM entity, one model per kind."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from charly_vm.model.base import Model, wrong
from charly_vm.model.form import Form
from charly_vm.model.quantities import Size

RootFs = Literal["ext4", "xfs", "btrfs"]

DIGITS = {"sha256": 64, "sha512": 128}
"""Hexadecimal digits of a digest."""

NAMED_BUILDERS = ("pacstrap", "dnf")
"""Builders of more than one distribution, none of which is the usual one."""

_DIGEST = Form(
    r"[0-9a-fA-F]{64}|[0-9a-fA-F]{128}", "64 (sha256) or 128 (sha512) hexadecimal digits"
)

Name = Annotated[str, Field(min_length=1)]

KernelArgs = Annotated[
    str,
    Form(
        r"""([^"'\\]|\\[\s\S]|"([^"\\]|\\[\s\S])*"|'[^']*')*""",
        """arguments of a kernel with each quotation closed: quiet dyndbg="file drm.c +p\"""",
    ),
]
"""Arguments of a kernel. They are in a shell's notation, each quotation closed: `quiet dyndbg="file
drm.c +p"`."""


class Checksum(Model):
    """What the downloaded image must hash to; without a value it is looked for beside the image."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
                    "then": {
                        "properties": {
                            "value": {
                                "anyOf": [{"type": "null"}, {"pattern": f"^.{{{digits}}}$"}],
                            }
                        }
                    },
                }
                for kind, digits in DIGITS.items()
            ]
        }
    )

    type: Literal["sha256", "sha512"] = "sha256"
    """Which digest it is."""
    value: Annotated[str, _DIGEST] | None = None
    """The digest itself."""

    @field_validator("value")
    @classmethod
    def _in_lower_case(cls, value: str | None) -> str | None:
        return value.lower() if value else value

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if self.value and "type" in self.model_fields_set and len(self.value) != DIGITS[self.type]:
            text = f"a {self.type} has {DIGITS[self.type]} digits, not {len(self.value)}"
            raise wrong((("value",), text))
        return self


class CloudImage(Model):
    """A ready disk image of a distribution, fetched from a URL."""

    kind: Literal["cloud_image"]
    url: Annotated[str, Form(r"(https?|file)://.+", "a URL with http://, https:// or file://")]
    """Where the image is."""
    checksum: Checksum = Field(default_factory=Checksum.unwritten)
    base_user: str | None = None
    """The account that the image already has; adopted instead of creating one."""
    cache: Name | None = None
    """A name under which the image is kept and taken again without asking its server."""
    distro: str | None = None
    """Distribution and release, such as ubuntu-24.04; what the account and the URL say, where it
    is not given."""


class ImageFile(CloudImage):
    """A file of this host that a command line or a `matrix` names in place of a source. Nobody
    writes one in full: it is taken as it is when it is used."""


class Bootc(Model):
    """A disk that `bootc install` writes from a bootable container image. Read and checked; this
    version makes no disk of it."""

    kind: Literal["bootc"]
    box: Name
    """The `candy:` image entry with `bootc: true`."""
    transport: Literal["registry", "containers-storage", "oci", "oci-archive"] = "registry"
    """Where the container image is."""
    rootfs: RootFs | None = None
    """The root's file system."""
    root_size: Size | None = None
    """What the root partition may take at most."""
    kernel_args: KernelArgs | None = None
    """What the kernel gets beside the image's own."""


class Bootstrap(Model):
    """A disk built from a distribution's packages."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {
                "properties": {"builder": {"enum": list(NAMED_BUILDERS)}},
                "required": ["builder"],
            },
            "then": {"required": ["distro"]},
        }
    )

    kind: Literal["bootstrap"]
    builder: Literal["mmdebstrap", "debootstrap", "pacstrap", "dnf"] = "mmdebstrap"
    """The program that installs the packages. pacstrap and dnf need a `distro`."""
    distro: Name = "debian-12"
    """Distribution and release: debian-12, fedora-43, rocky-9; arch and cachyos have none."""
    builder_image: Annotated[str, Form(r"[A-Za-z0-9]\S*", "a container image")] | None = None
    """A container image that has the builder, for hosts that have not: one of the project's, or a
    reference."""
    package: tuple[str, ...] = ()
    """Packages beyond those that make it boot and answer. A Debian kernel (linux-image-…) takes the
    place of the usual one."""
    rootfs: RootFs | None = None
    """The root's file system; ext4 where it is not given."""
    root_size: Size | None = None
    """Where the root partition stops growing; the whole disk where it is not given."""
    kernel_args: KernelArgs | None = None
    """After our own, so that theirs win."""
    bootstrap_arch: str | None = None
    """The architecture as the builder calls it; the machine's where it is not given."""
    bootstrap_variant: str | None = None
    """mmdebstrap's and debootstrap's choice of packages: minbase, buildd, …"""

    @model_validator(mode="after")
    def _names_its_distribution(self) -> Self:
        if self.builder in NAMED_BUILDERS and "distro" not in self.model_fields_set:
            raise wrong((("builder",), f"{self.builder} needs distro: which one does it install?"))
        return self


class Clone(Model):
    """A disk that another VM, or one of its snapshots, begins with. Read and checked; this version
    makes no disk of it."""

    kind: Literal["clone"]
    from_vm: Name
    """The other VM."""
    from_snapshot: str | None = None
    """Its snapshot; its disk as it is where none is given."""
    cloud_init_clean: bool = False
    """Have the clone's first boot be a first boot for cloud-init too."""


class Imported(Model):
    """A disk that a domain outside charly already has. Read and checked; this version makes no disk
    of it."""

    kind: Literal["imported"]
    libvirt_name: Name
    """What libvirt calls the domain."""
    disk_path: Name
    """The disk's file."""
    disk_format: Literal["qcow2", "raw"] = "qcow2"
    """The file's format."""
    adopted_at: str | None = None
    """When that was; kept."""
    last_synced_at: str | None = None
    """When it was last looked at; kept."""


Source = Annotated[CloudImage | Bootc | Bootstrap | Clone | Imported, Field(discriminator="kind")]
