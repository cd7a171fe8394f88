"""What live tests share: the tiny guest's disk, kept between runs, and projects that use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from contract_subject import Subject, defined
from platformdirs import user_cache_path
from tiny_guest import build_tiny_image
from workspace import Workspace, workspace

from charly_vm.backend import backend_of
from charly_vm.model.protocols import Backend
from charly_vm.model.resolved import BackendName


@pytest.fixture(scope="session", autouse=True)
def own_leases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """How many guests run at once is the suite's own affair: no bed waits for another worker's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def tiny_image() -> Path:
    """A read-only base for overlays; `tiny_guest` says what its guest can do."""
    return build_tiny_image(user_cache_path("charly-tests"))


@pytest.fixture(scope="session")
def screen_image() -> Path:
    """A base as `tiny_image`, whose guest has a graphics card, mice, and a login on the screen."""
    return build_tiny_image(user_cache_path("charly-tests"), screen=True)


@pytest.fixture
def here(tiny_image: Path) -> Iterator[Workspace]:
    """A project with the tiny guest, on the qemu backend."""
    with workspace(tiny_image, "qemu") as made:
        yield made


@pytest.fixture(params=["qemu", pytest.param("libvirt", marks=pytest.mark.session)])
def there(request: pytest.FixtureRequest, tiny_image: Path) -> Iterator[Workspace]:
    """A project with the tiny guest, on each backend."""
    with workspace(tiny_image, request.param) as made:
        yield made


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(BackendName.QEMU, id="qemu"),
        pytest.param(BackendName.LIBVIRT, id="libvirt", marks=pytest.mark.session),
    ],
)
def backend(request: pytest.FixtureRequest) -> Backend:
    return backend_of(request.param)


@pytest.fixture
def subject(backend: Backend, tiny_image: Path) -> Iterator[Subject]:
    """Defined and off."""
    with defined(backend, tiny_image) as subject:
        yield subject


@pytest.fixture(scope="module")
def booted(backend: Backend, tiny_image: Path) -> Iterator[Subject]:
    """One machine that runs; its tests leave it running."""
    with defined(backend, tiny_image) as subject:
        subject.boot()
        yield subject
