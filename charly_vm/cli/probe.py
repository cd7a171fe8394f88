"""`charly check libvirt | spice`: one question to a machine that runs, by one of its probes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from charly_vm.cli.check import CHECKS_FAILED
from charly_vm.cli.context import instance_option, name_argument
from charly_vm.host.files import explain_os_errors
from charly_vm.model.names import domain_of
from charly_vm.model.probes import DIFFERENCE, PROBES, Method, WrongArguments, unknown_method
from charly_vm.model.protocols import ProbeAnswer

SECONDS = 60.0
"""How long an answer may take, where the method has no time of its own."""


class _ProbeCommand(click.Command):
    """Its help lists the methods, with what each of them takes."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Methods"):
            formatter.write_dl(
                [
                    (" ".join((name, *_usage(model))), inspect.getdoc(model) or "")
                    for name, model in PROBES[str(self.name)].items()
                ]
            )


def _usage(model: type[Method]) -> Iterator[str]:
    # What has to be written first.
    fields = sorted(model.model_fields.items(), key=lambda item: not item[1].is_required())
    for key, field in fields:
        word = key.upper() if key == model.main else f"{key}=…"
        yield word if field.is_required() else f"[{word}]"


def _make_command(probe: str, asked: str) -> click.Command:
    @click.command(probe, cls=_ProbeCommand, help=f"Ask {asked} of the machine NAME by METHOD.")
    @click.argument("method")
    @name_argument
    @click.argument("arguments", nargs=-1, metavar="[VALUE | ARGUMENT=VALUE]...")
    @instance_option
    @click.option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
        help="Where a picture goes, and one of a difference beside it; - is standard output.",
    )
    def ask(
        method: str, name: str, arguments: tuple[str, ...], instance: str, output: Path | None
    ) -> int:
        answer = _ask(probe, method, domain_of(name, instance), arguments)
        if output is not None:
            _write(answer.pictures, output)
        if answer.output and output != Path("-"):
            click.echo(answer.output)
        if answer.complaint:
            click.echo(answer.complaint, err=True)
        return CHECKS_FAILED if answer.status else 0

    return ask


def _ask(probe: str, method: str, domain: str, arguments: Sequence[str]) -> ProbeAnswer:
    from charly_vm.host.waiting import Deadline
    from charly_vm.machine.machine import require_machine
    from charly_vm.machine.probes import ask_probe

    try:
        written = _read(probe, method, arguments)
        machine = require_machine(domain)
        try:
            deadline = Deadline(SECONDS)
            return ask_probe(
                machine, probe, method, written, directory=Path.cwd(), deadline=deadline, held=False
            )
        finally:
            machine.close()
    except WrongArguments as error:
        raise click.ClickException(str(error)) from None


def _read(probe: str, method: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The arguments by their names. Raises `WrongArguments` for one that cannot be told."""
    model = PROBES[probe].get(method)
    if model is None:
        raise WrongArguments(unknown_method(probe, PROBES[probe], method))
    written: dict[str, Any] = {}
    for argument in arguments:
        name, separator, text = argument.partition("=")
        if not separator or name not in model.known_keys():
            if not model.main or model.main in written:
                known = ", ".join(f"{key}=…" for key in model.known_keys())
                takes = f"takes {known}" if known else "takes no arguments"
                raise WrongArguments(f"{probe} {method} {takes}, not {argument!r}")
            name, text = model.main, argument
        written[name] = _parse(text) if name in model.structured else text
    if model.secret and not written.get(model.secret, _is_optional(model) or ""):
        # A command line can be read by everybody on this host.
        written[model.secret] = click.prompt(model.secret, hide_input=True)
    return written


def _is_optional(model: type[Method]) -> bool:
    return not model.model_fields[model.secret].is_required()


def _parse(value: str) -> Any:
    """A text, unless it is written as a list or a mapping."""
    if not value.startswith(("{", "[")):
        return value
    import yaml

    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value


def _write(pictures: Mapping[str, bytes], output: Path) -> None:
    if not pictures:
        raise click.ClickException("--output: this method takes no picture")
    (_, first), *others = list(pictures.items())
    if output == Path("-"):
        click.echo(first, nl=False)
        return
    with explain_os_errors(f"write {output}"):
        output.write_bytes(first)
        for what, content in others:
            if what == DIFFERENCE:
                output.with_stem(f"{output.stem}-{what}").write_bytes(content)


libvirt = _make_command("libvirt", "the hypervisor, or through it the guest agent,")
spice = _make_command("spice", "the SPICE server")
