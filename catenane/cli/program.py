"""The program: verbs gathered, errors told in one line, exit codes kept.

0 done, 1 failed, 2 wrong usage.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated, Any

import typer

from catenane.cli.console import stderr
from catenane.cli.enumeration import enumerate_app
from catenane.cli.inspection import data, models
from catenane.cli.prediction import embed, predict
from catenane.cli.reproduction import reproduce
from catenane.cli.training import finetune, pretrain
from catenane.errors import CatenaneError, UsageError
from catenane.version import __version__

__all__ = ["app", "main"]

WrongUsage: Any = typer.BadParameter.__mro__[2]
"""Parent of what the parser of words raises; typer brings its own copy of it and does not export it."""

app = typer.Typer(
    name="catenane",
    help="Transformers over chemical strings: SMILES and MOFid to properties, with honest reports.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(enumerate_app, name="enumerate")
for verb in (pretrain, finetune, predict, embed, reproduce, data, models):
    app.command()(verb)


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; stands anywhere.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Tell nothing but results and errors.")
    ] = False,
) -> None:
    """Options that stand before the verb."""
    if version:
        typer.echo(f"catenane {__version__}")
        raise typer.Exit
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("catenane")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.WARNING if quiet else logging.INFO)


def main(arguments: list[str] | None = None) -> None:
    """Run the program and exit."""
    words = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in words
    try:
        code = app([word for word in words if word != "--debug"], standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        _fail("stopped; pretrain and finetune go on with --resume, reproduce when it is called again", 130)
    except WrongUsage as error:
        _fail(error.format_message(), 2)
    except CatenaneError as error:
        if debug:
            raise
        _fail(str(error), 2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does: that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if debug:
            raise
        _fail(f"{error.filename or 'file system'}: {error.strerror or error}", 1)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
    stderr.print(f"catenane: {message}", style="red", highlight=False, markup=False, soft_wrap=True)
    sys.exit(code)
