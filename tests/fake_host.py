"""A host as files: a stand-in for sysfs and procfs below a directory, and for a kernel that binds.

What a real kernel does is shown in tests/lab; here it is what the engine makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from charly_vm.gpu.actions import ActionFailed
from charly_vm.gpu.root import HOST, HostRoot, link_name
from charly_vm.gpu.steps import Kind, Step

GPU, AUDIO = "0000:01:00.0", "0000:01:00.1"
SECOND_GPU, SECOND_AUDIO = "0000:02:00.0", "0000:02:00.1"
BOOT_ID = "11111111-2222-3333-4444-555555555555"


@contextmanager
def in_place_of_this_host(host: FakeHost) -> Iterator[None]:
    """For what is told of no root, and takes the one of the host that it runs on."""
    before = HOST.path
    # It is frozen, and is the default of many parameters.
    object.__setattr__(HOST, "path", host.path)
    try:
        yield
    finally:
        object.__setattr__(HOST, "path", before)


class FakeHost:
    """Files are what is true: processes of a test that are forked see and change the same."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = HostRoot(path)
        for directory in (self.root.devices, self.root.drivers, self.root.groups, self.root.proc):
            directory.mkdir(parents=True)
        self.write("proc/sys/kernel/random/boot_id", BOOT_ID)
        self.write("proc/sys/kernel/osrelease", "6.1.0")
        self.write("proc/cmdline", "root=/dev/vda1 intel_iommu=on iommu=pt")
        self.write("proc/modules", "")
        names = (
            "nvidia",
            "nvidia-uvm",
            "nvidia-modeset",
            "nvidia-drm",
            "vfio-pci",
            "snd-hda-intel",
        )
        self.write(
            "lib/modules/6.1.0/modules.dep", "".join(f"extra/{one}.ko.xz:\n" for one in names)
        )
        self.write("lib/modules/6.1.0/modules.builtin", "")

    @classmethod
    def at(cls, path: Path) -> FakeHost:
        """One that is there already."""
        host = cls.__new__(cls)
        host.path, host.root = path, HostRoot(path)
        return host

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
        return file

    def add_function(
        self,
        address: str,
        *,
        pci_class: int = 0x030000,
        vendor: int = 0x10DE,
        device: int = 0x28C2,
        group: int | None = 1,
        driver: str = "",
    ) -> Path:
        directory = self.root.device(address)
        directory.mkdir()
        for name, number in (("vendor", vendor), ("device", device), ("class", pci_class)):
            (directory / name).write_text(f"{number:#06x}\n")
        (directory / "driver_override").write_text("(null)\n")
        if group is not None:
            members = self.root.groups / str(group) / "devices"
            members.mkdir(parents=True, exist_ok=True)
            (members / address).symlink_to(directory)
            (directory / "iommu_group").symlink_to(members.parent)
        if driver:
            self.bind(address, driver)
        return directory

    def add_card(self, slot: str = "0000:01:00", *, group: int = 1, mode: str = "nvidia") -> None:
        """A display and its sound, in one group."""
        display, sound = {
            "nvidia": ("nvidia", "snd_hda_intel"),
            "vfio": ("vfio-pci", "vfio-pci"),
            "unbound": ("", ""),
        }[mode]
        self.add_function(f"{slot}.0", group=group, driver=display)
        self.add_function(f"{slot}.1", pci_class=0x040300, device=0x22BE, group=group, driver=sound)

    def bind(self, address: str, driver: str) -> None:
        (self.root.drivers / driver).mkdir(exist_ok=True)
        link = self.root.device(address) / "driver"
        link.unlink(missing_ok=True)
        link.symlink_to(self.root.drivers / driver)

    def drivers(self) -> dict[str, str]:
        return {one.name: link_name(one / "driver") for one in sorted(self.root.devices.iterdir())}

    def load(self, *names: str, users: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """Modules that are loaded, the last one first, with the modules that use them."""
        for name in names:
            using = (users or {}).get(name, ())
            self._set_modules({**self.modules(), name.replace("-", "_"): using})

    def modules(self) -> dict[str, tuple[str, ...]]:
        found = {}
        for line in (self.root.proc / "modules").read_text().split("\n"):
            if line.strip():
                name, _, _, users, *_ = line.split()
                found[name] = tuple(one for one in users.split(",") if one not in ("", "-"))
        return found

    def add_process(
        self, pid: int, name: str, *, opened: tuple[str, ...] = (), cgroup: str = "0::/"
    ) -> Path:
        process = self.root.proc / str(pid)
        (process / "fd").mkdir(parents=True)
        (process / "comm").write_text(name + "\n")
        (process / "cgroup").write_text(cgroup + "\n")
        for number, target in enumerate(opened):
            (process / "fd" / str(number)).symlink_to(target)
        self.add_task(pid, pid, name, "S")
        return process

    def add_task(self, pid: int, task: int, name: str, state: str, *frames: str) -> None:
        process = self.root.proc / str(pid)
        directory = process / "task" / str(task)
        directory.mkdir(parents=True, exist_ok=True)
        tasks = len(list((process / "task").iterdir()))
        text = f"({name}) {state} 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 {tasks} 0 1\n"
        (directory / "stat").write_text(f"{task} {text}")
        # The process's own is its first task's, but for the sums.
        (process / "stat").write_text(f"{pid} {text}")
        (directory / "stack").write_text("".join(f"[<0>] {one}+0x12/0x40 [x]\n" for one in frames))

    def perform(self, root: HostRoot, step: Step) -> None:
        """What the kernel does at a step, in place of `actions.perform`."""
        device = root.device(step.address) if step.address else root.path
        if step.kind is Kind.UNBIND:
            (device / "driver").unlink(missing_ok=True)
        elif step.kind is Kind.OVERRIDE:
            (device / "driver_override").write_text((step.driver or "(null)") + "\n")
        elif step.kind is Kind.BIND:
            self._probe(step.address)
        elif step.kind is Kind.LOAD and step.name.replace("-", "_") not in self.modules():
            self.load(step.name)
            for one in root.devices.iterdir():
                self._probe(one.name, step.name)
        elif step.kind is Kind.UNLOAD:
            self._unload(step.name)

    def _probe(self, address: str, only: str = "") -> None:
        """Look for a driver, or see whether `only` this one, which has just been loaded, fits."""
        device = self.root.device(address)
        wanted = (device / "driver_override").read_text().strip()
        if link_name(device / "driver"):
            return
        pci_class = int((device / "class").read_text(), 0)
        usual = "nvidia" if pci_class >> 16 == 0x03 else "snd_hda_intel"
        driver = usual if wanted == "(null)" else wanted
        if driver.replace("-", "_") in self.modules() and only in ("", driver):
            self.bind(address, driver)

    def _unload(self, name: str) -> None:
        users = {one for one, used in self._dependencies() if used == name}
        if users & set(self.modules()):
            raise ActionFailed(f"rmmod: ERROR: Module {name} is in use by: {' '.join(users)}")
        for one in self.root.devices.iterdir():
            if link_name(one / "driver") == name:
                (one / "driver").unlink()
        self._set_modules({key: used for key, used in self.modules().items() if key != name})

    @staticmethod
    def _dependencies() -> list[tuple[str, str]]:
        return [
            ("nvidia_uvm", "nvidia"),
            ("nvidia_modeset", "nvidia"),
            ("nvidia_drm", "nvidia_modeset"),
            ("nvidia_drm", "nvidia"),
        ]

    def _set_modules(self, modules: Mapping[str, tuple[str, ...]]) -> None:
        lines = [
            f"{name} 16384 {len(users)} {','.join([*users, '']) or '-'} Live 0x0\n"
            for name, users in modules.items()
        ]
        (self.root.proc / "modules").write_text("".join(lines))
