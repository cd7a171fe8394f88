"""From a bed to pytest's items: a module's tests once per phase, and each YAML step likewise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from charly_vm import CharlyError, DeployNode, Step, StepResult, require_runnable, run_step
from pytest_charly.chosen import ChosenBed, ChosenBeds
from pytest_charly.declaration import declared_in
from pytest_charly.faults import CharlyFault
from pytest_charly.place import HAS_BEDS, PLACE
from pytest_charly.runs import BedInPhase, BedRuns


class BedModule(pytest.Module):
    """A test module. Where it declares beds, its tests run once per phase of each, with it up."""

    chosen: ChosenBeds
    runs: BedRuns

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        declared = declared_in(self.obj)
        for bed in declared:
            try:
                self.chosen.declare(bed)
            except CharlyError as error:
                raise self.CollectError(str(error)) from error
            if bed.vm is None and bed.name not in self.chosen.project.deploys:
                raise self.CollectError(f"{bed!r}: {self.chosen.project.file} has no such deploy")
        beds = [one for bed in declared for one in self.chosen.of(bed.name)]
        if declared and not beds:
            return
        if beds:
            self._register_beds(beds, several=len(declared) > 1)
        yield from super().collect()

    def _register_beds(self, beds: Sequence[ChosenBed], *, several: bool) -> None:
        runs, phases = self.runs, self.chosen.phases
        places = [(bed.name, phase) for phase in phases for bed in beds]
        labels = [
            f"{bed.node.name}-{bed.label(phase)}" if several else bed.label(phase)
            for phase in phases
            for bed in beds
        ]

        def bed(request: pytest.FixtureRequest) -> BedInPhase:
            return runs.enter(*request.param)

        bed.__doc__ = f"The bed {' or '.join(one.name for one in beds)}, up and ready."
        pytest.register_fixture(
            name="bed",
            func=bed,
            node=self,
            scope="module",
            params=places,
            ids=tuple(labels),
            autouse=True,
        )
        self.stash[HAS_BEDS] = True


class ProjectFile(pytest.File):
    """charly.yml: a collector per chosen bed that has steps."""

    chosen: ChosenBeds
    runs: BedRuns

    def collect(self) -> Iterator[pytest.Collector]:
        nodes = {one.node.name: one.node for one in self.chosen.beds}
        for node in nodes.values():
            if node.steps:
                steps = BedSteps.from_parent(self, name=node.name)
                steps.chosen, steps.runs, steps.bed_node = self.chosen, self.runs, node
                yield steps


class BedSteps(pytest.Collector):
    """The steps of one bed, once per phase of each variant."""

    chosen: ChosenBeds
    runs: BedRuns
    bed_node: DeployNode

    def collect(self) -> Iterator[pytest.Item]:
        for bed in self.chosen.of(self.bed_node.name):
            for phase in self.chosen.phases:
                yield from self._steps(bed, phase)

    def _steps(self, bed: ChosenBed, phase: str) -> list[StepItem]:
        siblings: list[StepItem] = []
        for step in self.bed_node.steps:
            name = f"{step.id}[{bed.label(phase)}]"
            # Given as text, in which pytest sees the phase as what a parametrised test has in
            # brackets: --lf finds no item again whose id is made otherwise.
            item = StepItem.from_parent(self, name=name, nodeid=f"{self.nodeid}::{name}")
            item.runs, item.step, item.siblings = self.runs, step, siblings
            item.stash[PLACE] = (bed.name, phase)
            for tag in step.modifiers.tag:
                self.config.addinivalue_line("markers", f"{tag}: a tag of steps")
                item.add_marker(tag)
            siblings.append(item)
        return siblings


class StepFailed(Exception):
    """A step was carried out, and what it found is not what it expects."""

    def __init__(self, result: StepResult) -> None:
        super().__init__(result.explain())
        self.result = result


class StepItem(pytest.Item):
    """One YAML step in one phase."""

    runs: BedRuns
    step: Step
    siblings: list[StepItem]
    """All steps of the bed in this phase, also those that were not chosen."""

    def setup(self) -> None:
        if self.step.skipped:
            pytest.skip(self.step.skipped)
        require_runnable(self.step)
        if self.config.option.setupplan:
            return
        self.place = self.runs.enter(*self.stash[PLACE])

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
