"""`charly claim TOKEN … -- COMMAND`: scarce things of this host for as long as a command runs."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from charly_vm.cli.context import find_loaded, progress
from charly_vm.cli.quantities import claim_timeout_option

if TYPE_CHECKING:
    from charly_vm.arbiter.claiming import Lease

_COMMAND = "charly_vm.cli.claim.command"
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class CommandBehind(click.Command):
    """A command whose arguments end at `--`; what follows is another command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        place = args.index("--") if "--" in args else len(args)
        ctx.meta[_COMMAND] = tuple(args[place + 1 :])
        return super().parse_args(ctx, args[:place])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "-- COMMAND..."]


class AmountType(click.ParamType[tuple[str, int]]):
    """TOKEN=AMOUNT: ram=8G, cpus=4, seats=2."""

    name = "token=amount"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        from charly_vm.arbiter.wish import RAM
        from charly_vm.model.quantities import parse_size

        token, equals, written = str(value).partition("=")
        try:
            if not (token and equals):
                raise ValueError(f"{value!r} is no TOKEN=AMOUNT")
            amount = parse_size(written) if token == RAM else int(written)
            if amount < 1:
                raise ValueError(f"{written!r} is not more than nothing")
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return token, amount


@click.command(cls=CommandBehind)
@click.argument("tokens", nargs=-1, metavar="[TOKEN]...")
@click.option("--shared", is_flag=True, help="Others may have the tokens as well.")
@click.option(
    "--amount",
    "amounts",
    type=AmountType(),
    multiple=True,
    help="Some of what there is: ram=8G, cpus=4, or of a resource with an amount.",
)
@click.option("--name", default="", help="Who claims, for those who wait for it.")
@claim_timeout_option
@click.pass_context
def claim(
    ctx: click.Context,
    tokens: tuple[str, ...],
    shared: bool,
    amounts: tuple[tuple[str, int], ...],
    name: str,
    claim_timeout: float | None,
) -> int:
    """Claim TOKENs, run COMMAND, give them back; its exit status is the command's.

    Whoever has a TOKEN and agreed to give way is stopped first, and started again afterwards. The
    claim lasts as long as the command, also where this one is killed.
    """
    from charly_vm.arbiter.claiming import CLAIM_SECONDS
    from charly_vm.arbiter.wish import make_wish
    from charly_vm.machine.arbitration import find_arbiter, require_amounts, this_claimant
    from charly_vm.machine.wishes import find_near_misses

    command: tuple[str, ...] = ctx.meta[_COMMAND]
    if not command:
        raise click.UsageError("no command: `charly claim nvidia-gpu -- make cuda-tests`")
    if not tokens and not amounts:
        raise click.UsageError("nothing to claim: name a token, or an --amount")
    wish = make_wish(() if shared else tokens, tokens if shared else (), dict(amounts))
    project = find_loaded()
    for doubt in find_near_misses(wish, project):
        click.echo(f"charly: warning: {doubt}", err=True)
    arbiter = find_arbiter(project, progress=progress())
    require_amounts(wish, arbiter)
    lease = arbiter.claim(
        wish,
        this_claimant(name or command[0]),
        timeout=CLAIM_SECONDS if claim_timeout is None else claim_timeout,
    )
    status = 1
    try:
        status = _run(command, lease)
    finally:
        lease.release(success=status == 0)
    return status


def _run(command: tuple[str, ...], lease: Lease) -> int:
    from charly_vm.errors import HostError

    try:
        # The child has the claim's lock as well: what it uses is not free before it has ended.
        child = subprocess.Popen(command, pass_fds=(lease.descriptor,))
    except OSError as error:
        raise HostError(f"cannot run {command[0]}: {error.strerror}") from error
    with _forwarding(child):
        while True:
            try:
                status = child.wait()
                break
            except KeyboardInterrupt:
                # The terminal has sent it to the child as well.
                continue
    return status if status >= 0 else 128 - status


@contextmanager
def _forwarding(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hand on to the child what asks us to end, and wait for it."""
    before = {
        number: signal.signal(number, lambda received, _: child.send_signal(received))
        for number in _FORWARDED
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
