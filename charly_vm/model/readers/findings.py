"""What is found on the way through one document: problems, warnings, and what is good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from charly_vm.errors import Problem
from charly_vm.model.base import Model
from charly_vm.model.document import Document, KeyPath
from charly_vm.model.problems import absolute_path, path_in_data, problems_of

T = TypeVar("T", bound=Model)


class Findings:
    """Collects everything that is wrong or doubtful in a document, so that it is told at once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    @property
    def file(self) -> str:
        return str(self.document.file)

    def complain(self, path: KeyPath, text: str) -> None:
        self.problems.append(self.document.problem(path, text))

    def complain_in_line(self, line: int, text: str) -> None:
        """As `complain`, where only the line is known any more."""
        self.problems.append(Problem(self.file, line, 1, text))

    def warn(self, path: KeyPath, text: str) -> None:
        self.warnings.append(self.document.problem(path, text))

    def warn_in_line(self, line: int, text: str) -> None:
        self.warnings.append(Problem(self.file, line, 1, text))

    def validate(
        self,
        model: type[T],
        data: Any,
        at: KeyPath,
        places: Mapping[str, KeyPath] | None = None,
    ) -> T | None:
        """A model from data at a path, or None after complaining about all that is wrong in it.

        A number where text is meant is taken as it was written: `version: 1.10` is "1.10", and
        `vendor: 0x10de` is no decimal. `places` is as for `problems_of`.
        """
        try:
            return model.model_validate(data)
        except ValidationError as error:
            if not self._take_as_written(error, data, at, places):
                self.problems += problems_of(error, self.document, at, data, places)
                return None
        return self.validate(model, data, at, places)

    def _take_as_written(
        self,
        error: ValidationError,
        data: Any,
        at: KeyPath,
        places: Mapping[str, KeyPath] | None,
    ) -> bool:
        """Replace numbers that should have been text; whether there were any."""
        found = False
        for item in error.errors(include_url=False):
            number = item["input"]
            if item["type"] != "string_type" or type(number) not in (int, float):
                continue
            path = path_in_data(data, item["loc"])
            written = self.document.written(absolute_path(at, path, places))
            holder = data
            for part in path[:-1]:
                holder = holder[part]
            if written is not None and path and holder[path[-1]] is number:
                holder[path[-1]] = written
                found = True
        return found
