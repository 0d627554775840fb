"""The program: verbs gathered, errors shown in one line, exit codes kept.

0 done, 1 failed, 2 wrong usage, 130 stopped by the user.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import signal
import sys
from collections import Counter
from contextlib import suppress
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperOption

from catenane.cli.analysis import attend, explain, groups, ngrams
from catenane.cli.console import stderr
from catenane.cli.enumeration import enumerate_app
from catenane.cli.exchange import export, import_
from catenane.cli.inspection import data_app, models_app
from catenane.cli.prediction import embed, predict
from catenane.cli.texts import tokenizer_app
from catenane.cli.training import finetune, pretrain, reproduce
from catenane.cli.tuning import tune
from catenane.cli.writing import fill, generate
from catenane.errors import CatenaneError, UsageError
from catenane.version import __version__

__all__ = ["app", "main"]

INTERRUPTED = 130
"""Exit code after Ctrl-C."""
WrongUsage: Any = typer.BadParameter.__mro__[2]
"""Parent of what the parser of words raises; typer brings its own copy of it and does not export it."""
ANYWHERE = {"--debug", "--quiet", "-q"}
"""Options that may stand before or after the verb."""


class _Verb(TyperCommand):
    """A verb that refuses a list given twice, of which the parser would keep the last in silence."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As the parser does; of an option that is no list the last one counts, as in other programs."""
        for option, times in Counter(self.make_parser(ctx).parse_args(list(args))[2]).items():
            if times > 1 and isinstance(option, TyperOption) and "," in (option.metavar or ""):
                name = option.opts[0]
                raise UsageError(
                    f"{name} is given {times} times: give it once with commas, as in {name} {option.metavar}"
                )
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="catenane",
    help="Transformers over chemical strings: SMILES and MOFid to properties, with honest reports.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (
    pretrain,
    finetune,
    tune,
    predict,
    embed,
    fill,
    generate,
    attend,
    explain,
    groups,
    ngrams,
    reproduce,
):
    app.command()(verb)
app.add_typer(tokenizer_app, name="tokenizer")
app.add_typer(data_app, name="data")
app.add_typer(models_app, name="models")
models_app.command("import")(import_)
models_app.command("export")(export)
app.add_typer(enumerate_app, name="enumerate")
for each in (app, tokenizer_app, data_app, models_app, enumerate_app):
    for command in each.registered_commands:
        command.cls = _Verb


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; stands anywhere.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing but results and errors; stands anywhere.")
    ] = False,
) -> None:
    """Options of every verb."""
    if version:
        typer.echo(f"catenane {__version__}")
        raise typer.Exit
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    stderr.quiet = quiet
    logger = logging.getLogger("catenane")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.WARNING if quiet else logging.INFO)


def main(arguments: list[str] | None = None) -> None:
    """Run the program and exit."""
    words, anywhere = _take_options(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in anywhere
    _prepare_streams()
    if arguments is None:  # as a program: a polite kill cleans up behind itself as Ctrl-C does
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        code = app([*(anywhere - {"--debug"}), *words], prog_name="catenane", standalone_mode=False)
        sys.stdout.flush()
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except WrongUsage as error:
        _fail(error.format_message(), 2)
    except CatenaneError as error:
        if debug:
            raise
        _fail(str(error), 2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:
        _fail("", 0)  # the reader of our output has gone, as `head` does: that is no error of ours
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # click makes this of it
            _fail("", 0)
        raise
    except OSError as error:
        if debug:
            raise
        reason = error.strerror or str(error)
        _fail(f"{error.filename}: {reason}" if error.filename else reason, 1)
    if code == INTERRUPTED:  # which is what typer makes of Ctrl-C in a verb
        _fail(
            "stopped; pretrain, finetune and tune go on with --resume, reproduce when it is called again",
            code,
        )
    sys.exit(code if isinstance(code, int) else 0)


def _take_options(words: list[str]) -> tuple[list[str], set[str]]:
    """The words without the options that may stand anywhere, and these; what follows `--` is no option."""
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word not in ANYWHERE]
    return kept + words[end:], ANYWHERE.intersection(words[:end])


class _ClosedStream(io.TextIOBase):
    """Stands in for a standard output that was closed before the program began."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, "it is closed", "standard output")


def _prepare_streams() -> None:
    """Text of every kind can be printed; where a stream is closed, no file that is opened takes its place."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = _ClosedStream()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def _fail(message: str, code: int) -> NoReturn:
    """Print the message, if there is one, and exit; what stdout could not take is not tried again."""
    if message:
        stderr.quiet = False
        with suppress(OSError):
            stderr.print(f"catenane: {message}", style="red")
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)
