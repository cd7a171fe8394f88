"""Options with a quantity, written as in charly.yml."""

from __future__ import annotations

from typing import Any

import click


class SizeType(click.ParamType[int]):
    """A size with a unit, as in charly.yml."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from charly_vm.model.quantities import parse_size

        try:
            return parse_size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DurationType(click.ParamType[float]):
    """Seconds, written as in charly.yml: 90s, 10m, 1h30m."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        from charly_vm.model.quantities import parse_duration

        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


claim_timeout_option = click.option(
    "--claim-timeout",
    type=DurationType(),
    help="How long to wait for what it requires where others have that (2h).",
)
