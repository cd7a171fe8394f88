"""The `charly` command: parses, calls the engine, prints. Nothing is decided here."""

from __future__ import annotations

import gc
import sys

from charly_vm.errors import CharlyError

INTERRUPTED = 130
"""The shell's own status for a command that Ctrl-C ended: 128 + SIGINT."""


def main() -> None:
    """Entry point: runs the command line and exits with its status."""
    # What a command loads stays until its end. Python would look for garbage in it over and over,
    # and once more when it ends: a fifth of the time of a short command.
    gc.set_threshold(200_000, 20, 20)
    status = run(sys.argv[1:])
    gc.freeze()
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Carry out a command line. 0 good, 1 it could not be tried, 2 it ran and checks failed.

    With `--debug` every error is raised with its traceback.
    """
    import click

    from charly_vm.cli.root import charly

    try:
        status = charly.main(arguments, prog_name="charly", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("charly: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; keep Python from complaining at its end.
        sys.stdout = None
        return 1
    except click.ClickException as error:
        # click would exit with 2, which here means that checks failed.
        error.show()
        return 1
    except Exception as error:
        if "--debug" in arguments:
            raise
        print(f"charly: {_explain(error)}", file=sys.stderr)
        return 1
    return status if isinstance(status, int) else 0


def _explain(error: Exception) -> str:
    if isinstance(error, CharlyError):
        return str(error)
    return (
        f"this is a defect of charly itself: {type(error).__name__}: {error}\n"
        "  hint: run the same again as `charly --debug …` and report the traceback"
    )
