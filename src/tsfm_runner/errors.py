"""Every error this package raises on purpose.

TsfmError
├── ConfigurationError            settings or registry cannot be used; no start
│   └── ModelFileError            a file of a model is missing, damaged or none of ours
├── UnreadableInputError          a file or frame holds no market series
├── InvalidTaskError              the caller can mend it: wrong shape, frequency, level
├── ModelNotAllowedError          the licence policy says no
├── CalibrationStateError         stored calibration or ledger cannot be read; no start
├── LedgerInUseError              another process writes to this ledger
├── LedgerUnavailableError        the ledger cannot be written to now
├── StudyError                    a study cannot go on
│   ├── LeakageError              something in it knew the future
│   ├── StudyInUseError           another process works in its folder
│   ├── StudyNotStoredError       its results cannot be written, or not be read again
│   └── UnitLostError             a unit of its work ended every worker that took it
├── TrainingError                 a model cannot be trained from this, or not be kept
├── ServiceUnreachableError       a running service does not answer, or not as one
├── DeliveryError                 an endpoint was not told of signals
│   ├── DeliveryRefusedError      it does not take them, now or ever
│   └── DeliveryFailedError       it may take them later
└── ForecastRuntimeError          the model runtime let us down; the service falls back
    ├── RuntimeUnavailableError   no answer: refused, overloaded, connection lost
    │   └── RuntimeTimeoutError   no answer in time
    │       └── DeadlinePassedError   the request's own time was over first
    ├── RuntimeRefusedError       it refused the request: our fault or its configuration
    │   └── ModelNotInstalledError
    ├── RuntimeProtocolError      an answer that breaks its own contract
    ├── RuntimeOutputError        a well-formed answer with numbers nobody can use
    └── RuntimeNotAskedError      we spared it the call
        ├── BreakerOpenError      it failed just now and gets time to recover
        └── RuntimeDegradedError  it fails so often that only probes are sent
"""


class TsfmError(Exception):
    """Root of every error this package raises on purpose."""


class ConfigurationError(TsfmError):
    """Settings, registry or secrets cannot be used; the process must not start."""


class ModelFileError(ConfigurationError):
    """A file of a model is missing, damaged, or holds no model that we can run."""


class UnreadableInputError(TsfmError):
    """A file or data frame cannot be read as market series or requests."""


class InvalidTaskError(TsfmError):
    """The caller asked for something impossible; ``field`` says where to mend it."""

    def __init__(self, field: str, message: str) -> None:
        """Name the field in the domain's words and what is allowed there."""
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class ModelNotAllowedError(TsfmError):
    """The licence policy of this environment does not allow the model."""


class CalibrationStateError(TsfmError):
    """What is stored of the calibration cannot be read; the process must not start."""


class LedgerInUseError(TsfmError):
    """Another process writes to this ledger; two would score everything twice."""


class LedgerUnavailableError(TsfmError):
    """The ledger cannot be written to now; what waits is kept and tried again."""


class StudyError(TsfmError):
    """A study cannot go on; what was done of it is kept."""


class LeakageError(StudyError):
    """Something in a study knew the future: its scores mean nothing."""


class StudyInUseError(StudyError):
    """Another process works in the folder of the study."""


class StudyNotStoredError(StudyError):
    """Results of the study cannot be written, or not be read again."""


class UnitLostError(StudyError):
    """A unit of work ended every worker that took it; ``place`` says which unit."""

    def __init__(self, place: int, reason: str) -> None:
        """Name the unit by its place among those handed in, and say how it ended."""
        super().__init__(f"unit {place} {reason}")
        self.place = place
        self.reason = reason


class TrainingError(TsfmError):
    """A model cannot be trained from this, or what was trained is not worth keeping."""


class ServiceUnreachableError(TsfmError):
    """A running service does not answer, or not as one of ours."""


class DeliveryError(TsfmError):
    """An endpoint was not told of signals; ``status`` is that of its answer, if any.

    ``told`` is how the endpoint put it. It may repeat what it was sent, and so has no
    place in a log.
    """

    def __init__(
        self, message: str, *, status: int | None = None, told: str = ""
    ) -> None:
        """Say what went wrong, without the address and its secrets."""
        super().__init__(message)
        self.status, self.told = status, told


class DeliveryRefusedError(DeliveryError):
    """The endpoint does not take these signals; telling it again is of no use."""


class DeliveryFailedError(DeliveryError):
    """The endpoint could not be told now; ``retry_after_s`` is what it asked for."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        told: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        """Say what went wrong, and how long the endpoint wants to be left alone."""
        super().__init__(message, status=status, told=told)
        self.retry_after_s = retry_after_s


class ForecastRuntimeError(TsfmError):
    """The model runtime let us down; the service answers with a baseline."""


class RuntimeUnavailableError(ForecastRuntimeError):
    """No answer: refused, overloaded, or the connection was lost."""


class RuntimeTimeoutError(RuntimeUnavailableError):
    """No answer within the time that was given."""


class DeadlinePassedError(RuntimeTimeoutError):
    """The request's own time was over before the runtime could answer."""


class RuntimeRefusedError(ForecastRuntimeError):
    """The runtime refused the request.

    ``is_input`` is true when the content of a series may be the cause, so that
    asking again with fewer series can help.
    """

    def __init__(self, message: str, *, is_input: bool) -> None:
        """Say what was refused, and whether a series may be to blame."""
        super().__init__(message)
        self.is_input = is_input


class ModelNotInstalledError(RuntimeRefusedError):
    """The runtime is well but does not have the model."""

    def __init__(self, message: str) -> None:
        """Say which model is missing; no series is ever to blame."""
        super().__init__(message, is_input=False)


class RuntimeProtocolError(ForecastRuntimeError):
    """The runtime sent an answer that breaks its own contract."""


class RuntimeOutputError(ForecastRuntimeError):
    """The runtime sent a well-formed answer whose numbers are not finite."""


class RuntimeNotAskedError(ForecastRuntimeError):
    """The runtime was not asked, because of how its last calls ended."""


class BreakerOpenError(RuntimeNotAskedError):
    """The breaker before this model family is open, or its probes are under way."""


class RuntimeDegradedError(RuntimeNotAskedError):
    """The runtime fails so often that it gets nothing but probes."""
