"""The program ``tsfm-runner``: every command, and the options before them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import tsfm_runner
from tsfm_runner.cli.backfill import backfill
from tsfm_runner.cli.bench import bench
from tsfm_runner.cli.calibrate import calibrate
from tsfm_runner.cli.config import explain
from tsfm_runner.cli.cycle import cycle
from tsfm_runner.cli.doctor import doctor
from tsfm_runner.cli.drill import drill
from tsfm_runner.cli.evaluate import evaluate
from tsfm_runner.cli.exit_codes import EXIT_CODES_HELP
from tsfm_runner.cli.fake_tollama import fake_tollama
from tsfm_runner.cli.forecast import forecast
from tsfm_runner.cli.gate import gate
from tsfm_runner.cli.invocation import Invocation, reported
from tsfm_runner.cli.ledger import backup, check, export
from tsfm_runner.cli.model_files import add, remove, verify
from tsfm_runner.cli.model_pull import pull
from tsfm_runner.cli.models import list_models, models
from tsfm_runner.cli.observe import observe
from tsfm_runner.cli.serve import serve
from tsfm_runner.cli.simulate import simulate
from tsfm_runner.cli.train import train
from tsfm_runner.cli.verdict import verdict
from tsfm_runner.cli.webhooks import replay, send_test


def _without_types(parameters: Iterable[Any]) -> list[Any]:
    """Take the type from flags, which the help would show as if they took a value."""
    kept = list(parameters)
    for parameter in kept:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return kept


# typer offers no other place to reach the flag --help, which it makes by itself.
class _Command(TyperCommand):
    """A command whose help shows flags as flags."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - private in typer
        return _without_types(super().get_params(ctx))


class _Group(TyperGroup):
    """A group of commands whose help shows flags as flags."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - private in typer
        return _without_types(super().get_params(ctx))


app = typer.Typer(
    name="tsfm-runner",
    cls=_Group,
    help="Probability series of prediction markets in, quantile bands out.",
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_config = typer.Typer(
    help="Look at the settings.",
    cls=_Group,
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
)
_ledger = typer.Typer(
    help="Look at what is stored of forecasts and outcomes.",
    cls=_Group,
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
)
_webhooks = typer.Typer(
    help="Try endpoints, and post to them once more what they did not take.",
    cls=_Group,
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
)
_models = typer.Typer(cls=_Group, epilog=EXIT_CODES_HELP, invoke_without_command=True)

for _command in (
    serve,
    forecast,
    cycle,
    observe,
    calibrate,
    backfill,
    evaluate,
    verdict,
    train,
    gate,
    doctor,
    bench,
    drill,
    fake_tollama,
    simulate,
):
    app.command(cls=_Command, epilog=EXIT_CODES_HELP)(reported(_command))
_config.command(cls=_Command, epilog=EXIT_CODES_HELP)(reported(explain))
app.add_typer(_config, name="config")
_ledger.command(cls=_Command, epilog=EXIT_CODES_HELP)(reported(export))
_ledger.command(cls=_Command, epilog=EXIT_CODES_HELP)(reported(check))
_ledger.command(cls=_Command, epilog=EXIT_CODES_HELP)(reported(backup))
app.add_typer(_ledger, name="ledger")
_webhooks.command("test", cls=_Command, epilog=EXIT_CODES_HELP)(reported(send_test))
_webhooks.command(cls=_Command, epilog=EXIT_CODES_HELP)(reported(replay))
app.add_typer(_webhooks, name="webhooks")
_models.callback()(reported(models))
_models.command("list", cls=_Command, epilog=EXIT_CODES_HELP)(reported(list_models))
for _on_files in (add, pull, verify, remove):
    _models.command(cls=_Command, epilog=EXIT_CODES_HELP)(reported(_on_files))
app.add_typer(_models, name="models")


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer hands it in so
    if value:
        typer.echo(f"tsfm-runner {tsfm_runner.__version__}")
        raise typer.Exit


@app.callback()
def set_invocation(
    context: typer.Context,
    *,
    config: Annotated[
        Path | None, typer.Option(help="File of settings, instead of the usual one.")
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and leave.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Keep the options that stand before the name of the command."""
    del version  # its callback has done all there is to do
    context.obj = Invocation(config)


def main() -> None:
    """Run the command line."""
    app()
