"""The hooks by which a run finds its beds' checks, and the order in which they run."""

from __future__ import annotations

import fnmatch
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

from pytest_charly.check_records import tell_place
from pytest_charly.chosen import ChosenBeds
from pytest_charly.claims import BedWishes
from pytest_charly.collection import BedModule, ProjectFile, StepItem
from pytest_charly.order import belongs_to_its_phase, find_needed, in_order, place_modules
from pytest_charly.place import place_of
from pytest_charly.runs import BedRuns
from pytest_charly.scheduling import BedToRun, in_batches

CHECK_MODULES = "check_*.py"


class CollectionPlugin:
    """Registered for the length of a pytest run in which beds were chosen."""

    def __init__(self, chosen: ChosenBeds, runs: BedRuns, wishes: BedWishes) -> None:
        self._chosen = chosen
        self._runs = runs
        self._wishes = wishes

    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        if file_path == self._chosen.project.file:
            collector = ProjectFile.from_parent(parent, path=file_path)
            collector.chosen, collector.runs = self._chosen, self._runs
            return collector
        if self._is_check_module(file_path, parent):
            _rewrite_assertions(file_path)
            return self.pytest_pycollect_makemodule(file_path, parent)
        return None

    def _is_check_module(self, file: Path, parent: pytest.Collector) -> bool:
        """Whether only we know that a file beside the project holds checks.

        `check_*.py` is ours, whatever `python_files` says or whichever ini file is in use.
        """
        patterns = parent.config.getini("python_files")
        return (
            fnmatch.fnmatchcase(file.name, CHECK_MODULES)
            and file.is_relative_to(self._chosen.project.file.parent)
            and not parent.session.isinitpath(file)
            and not any(fnmatch.fnmatchcase(file.name, pattern) for pattern in patterns)
        )

    def pytest_pycollect_makemodule(
        self, module_path: Path, parent: pytest.Collector
    ) -> pytest.Module:
        module = BedModule.from_parent(parent, path=module_path)
        module.chosen, module.runs = self._chosen, self._runs
        return module

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None]:
        place_modules(items)
        items[:] = [item for item in items if belongs_to_its_phase(item)]
        # Around everybody else's choice and order, --lf and a random one included.
        yield
        needed = find_needed(items)
        _forget_deselected(config, needed)
        all_of_them = [*items, *needed]
        self._wishes.gather(all_of_them)
        items[:] = in_order(all_of_them, self._beds_in_order(all_of_them), self._chosen.phases)
        for item in items:
            tell_place(item)

    def _beds_in_order(self, items: Iterable[pytest.Item]) -> list[str]:
        """As they were chosen, but for what would have a token change its mode too often."""
        places = {place[0] for item in items if (place := place_of(item))}
        names = [name for name in self._chosen.names if name in places]
        return in_batches([BedToRun(name, self._wishes.of(name)) for name in names])


def _rewrite_assertions(file: Path) -> None:
    """Have pytest show the values in a module's assertions, as it does for what `python_files`
    names. How it will call the module depends on packages and on its import mode."""
    parts = file.with_suffix("").parts[1:]
    pytest.register_assert_rewrite(*(".".join(parts[start:]) for start in range(len(parts))))


def _forget_deselected(config: pytest.Config, items: list[StepItem]) -> None:
    """They run after all, and should not be counted as left out."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter and items:
        left_out = reporter.stats.get("deselected", [])
        reporter.stats["deselected"] = [item for item in left_out if item not in items]
