"""What the exit codes of every command mean, and which error ends with which."""

from enum import IntEnum

from tsfm_runner.errors import (
    CalibrationStateError,
    ConfigurationError,
    InvalidTaskError,
    LedgerInUseError,
    LedgerUnavailableError,
    ModelNotAllowedError,
    ServiceUnreachableError,
    StudyInUseError,
    TsfmError,
    UnreadableInputError,
)


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    PARTIAL = 4
    WAIT = 5


EXIT_CODES_HELP = (
    "Exit codes: 0 all well; 1 a check or a budget failed; 2 wrong usage or input "
    "that nothing can be made of; 3 the configuration or the ledger cannot be used; 4 "
    "done, but some markets were skipped; 5 a gate has not decided yet."
)

_BY_ERROR: dict[type[TsfmError], ExitCode] = {
    ConfigurationError: ExitCode.CONFIGURATION,
    ModelNotAllowedError: ExitCode.CONFIGURATION,
    CalibrationStateError: ExitCode.CONFIGURATION,
    LedgerInUseError: ExitCode.CONFIGURATION,
    LedgerUnavailableError: ExitCode.FAILED,
    StudyInUseError: ExitCode.CONFIGURATION,
    ServiceUnreachableError: ExitCode.FAILED,
    InvalidTaskError: ExitCode.USAGE,
    UnreadableInputError: ExitCode.USAGE,
}


def exit_code_of(error: TsfmError) -> ExitCode:
    """Return the exit code that an error of ours ends a command with."""
    for kind, code in _BY_ERROR.items():
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED
