"""The command line: arguments in, one call, exit code out."""

from tsfm_runner.cli.app import main

__all__ = ["main"]
