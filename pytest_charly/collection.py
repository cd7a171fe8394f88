"""From a bed to pytest's items: a module's tests once per phase, and each YAML step likewise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from charly_vm import CharlyError, DeployNode, Step, StepResult, require_runnable, run_step
from pytest_charly.declaration import Bed
from pytest_charly.faults import CharlyFault
from pytest_charly.place import MODULE_BED, PLACE
from pytest_charly.runs import BedInPhase, BedRuns


@dataclass(frozen=True)
class ChosenBeds:
    """What the collectors need to know of a run."""

    nodes: Mapping[str, DeployNode]
    phases: list[str]
    runs: BedRuns


class BedModule(pytest.Module):
    """A test module. Where it declares a bed, its tests run once per phase, with the bed up."""

    chosen: ChosenBeds

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        declared = next(
            (value for value in vars(self.obj).values() if isinstance(value, Bed)), None
        )
        if declared is None:
            yield from super().collect()
            return
        if declared.name not in self.chosen.nodes:
            return
        self._register_bed(declared.name)
        yield from super().collect()

    def _register_bed(self, name: str) -> None:
        runs = self.chosen.runs

        def bed(request: pytest.FixtureRequest) -> BedInPhase:
            return runs.enter(name, request.param)

        bed.__doc__ = f"The bed {name}, up and ready."
        pytest.register_fixture(
            name="bed",
            func=bed,
            node=self,
            scope="module",
            params=self.chosen.phases,
            ids=tuple(self.chosen.phases),
            autouse=True,
        )
        self.stash[MODULE_BED] = name


class ProjectFile(pytest.File):
    """charly.yml: a collector per chosen bed that has steps."""

    chosen: ChosenBeds

    def collect(self) -> Iterator[pytest.Collector]:
        for node in self.chosen.nodes.values():
            if node.steps:
                steps = BedSteps.from_parent(self, name=node.name)
                steps.chosen, steps.bed_node = self.chosen, node
                yield steps


class BedSteps(pytest.Collector):
    """The steps of one bed, once per phase."""

    chosen: ChosenBeds
    bed_node: DeployNode

    def collect(self) -> Iterator[pytest.Item]:
        for phase in self.chosen.phases:
            siblings: list[StepItem] = []
            for step in self.bed_node.steps:
                name = f"{step.id}[{phase}]"
                # Given as text, in which pytest sees the phase as what a parametrised test has in
                # brackets: --lf finds no item again whose id is made otherwise.
                item = StepItem.from_parent(self, name=name, nodeid=f"{self.nodeid}::{name}")
                item.chosen, item.step, item.siblings = self.chosen, step, siblings
                item.stash[PLACE] = (self.bed_node.name, phase)
                for tag in step.modifiers.tag:
                    self.config.addinivalue_line("markers", f"{tag}: a tag of steps")
                    item.add_marker(tag)
                siblings.append(item)
            yield from siblings


class StepFailed(Exception):
    """A step was carried out, and what it found is not what it expects."""

    def __init__(self, result: StepResult) -> None:
        super().__init__(result.explain())


class StepItem(pytest.Item):
    """One YAML step in one phase."""

    chosen: ChosenBeds
    step: Step
    siblings: list[StepItem]
    """All steps of the bed in this phase, also those that were not chosen."""

    def setup(self) -> None:
        if self.step.skipped:
            pytest.skip(self.step.skipped)
        require_runnable(self.step)
        if self.config.option.setupplan:
            return
        self.place = self.chosen.runs.enter(*self.stash[PLACE])

    def runtest(self) -> None:
        fault = None
        try:
            result = run_step(self.step, self.place.view)
        except CharlyError:
            raise
        except Exception as error:
            fault = CharlyFault(error)
        if fault:
            raise fault
        if result.skipped:
            pytest.skip(result.skipped)
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
