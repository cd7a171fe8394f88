"""From a bed to pytest's items: a module's tests once per phase, and each YAML step likewise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from charly_vm.check.verbs import StepResult, run_step
from charly_vm.errors import CharlyError
from charly_vm.model.deploy import DeployNode
from charly_vm.model.step import Step
from pytest_charly.declaration import Bed

if TYPE_CHECKING:
    from pytest_charly.beds import BedsPlugin
    from pytest_charly.runs import BedInPhase

DEPLOYED = "deployed"
REBUILT = "rebuilt"

PLACE = pytest.StashKey[tuple[str, str]]()
"""The bed and the phase that an item belongs to."""


def place_of(item: pytest.Item) -> tuple[str, str] | None:
    """The bed and phase of an item; None for one that has nothing to do with beds."""
    return item.stash.get(PLACE, None)


class BedModule(pytest.Module):
    """A test module. Where it declares a bed, its tests run once per phase, with the bed up."""

    plugin: BedsPlugin

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        declared = next(
            (value for value in vars(self.obj).values() if isinstance(value, Bed)), None
        )
        if declared is None:
            yield from super().collect()
            return
        if declared.name not in self.plugin.nodes:
            return
        self._register_bed(declared.name)
        yield from super().collect()

    def _register_bed(self, name: str) -> None:
        runs = self.plugin.runs

        def bed(request: pytest.FixtureRequest) -> BedInPhase:
            return runs.enter(name, request.param)

        bed.__doc__ = f"The bed {name}, up and ready."
        pytest.register_fixture(
            name="bed",
            func=bed,
            node=self,
            scope="module",
            params=self.plugin.phases,
            ids=tuple(self.plugin.phases),
            autouse=True,
        )
        self.stash[MODULE_BED] = name


MODULE_BED = pytest.StashKey[str]()


class ProjectFile(pytest.File):
    """charly.yml: a collector per chosen bed that has steps."""

    plugin: BedsPlugin

    def collect(self) -> Iterator[pytest.Collector]:
        for node in self.plugin.nodes.values():
            if node.steps:
                steps = BedSteps.from_parent(self, name=node.name)
                steps.plugin, steps.bed_node = self.plugin, node
                yield steps


class BedSteps(pytest.Collector):
    """The steps of one bed, once per phase."""

    plugin: BedsPlugin
    bed_node: DeployNode

    def collect(self) -> Iterator[pytest.Item]:
        for phase in self.plugin.phases:
            for step in self.bed_node.steps:
                item = StepItem.from_parent(self, name=f"{step.id}[{phase}]")
                item.plugin, item.step = self.plugin, step
                item.stash[PLACE] = (self.bed_node.name, phase)
                yield item


class StepFailed(Exception):
    """A step was carried out, and what it found is not what it expects."""

    def __init__(self, result: StepResult) -> None:
        super().__init__(result.explain())


class StepItem(pytest.Item):
    """One YAML step in one phase."""

    plugin: BedsPlugin
    step: Step

    def setup(self) -> None:
        self.place = self.plugin.runs.enter(*self.stash[PLACE])

    def runtest(self) -> None:
        result = run_step(self.step, self.place.machine.guest)
        if not result.passed:
            raise StepFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        """The step's own words; Python's frames say nothing about a YAML step."""
        if isinstance(excinfo.value, StepFailed | CharlyError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args)

    def reportinfo(self) -> tuple[str, int, str]:
        # pytest counts lines from 0.
        return self.step.file, self.step.line - 1, f"{self.parent_name}: {self.step.prose}"

    @property
    def parent_name(self) -> str:
        return self.stash[PLACE][0]
