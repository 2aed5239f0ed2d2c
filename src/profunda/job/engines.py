"""Why a run's networks were trained by the engine that trained them, in words for whoever ran it."""

from profunda.errors import Notice
from profunda.fleet.native_engine import unavailable_reason
from profunda.job.settings import Settings

__all__ = ["engine_notices", "engine_reason"]

_CURE = (
    "For the native engine install Profunda again where a C++20 compiler is found (on Debian or Ubuntu: apt "
    "install g++) and start a new run; to be content with PyTorch, ask for the engine torch."
)


def engine_notices(settings: Settings) -> tuple[Notice, ...]:
    """A notice where "auto" had nothing to choose from, because the native engine is missing."""
    if settings.engine != "auto" or settings.speeds.native is not None:
        return ()
    text = f"PyTorch trains all networks, which takes longer: {_missing()}. {_CURE}"
    return (Notice("no-native-engine", text),)


def engine_reason(settings: Settings) -> str:
    """A clause that tells why who trained did so; it ends without a full stop."""
    if settings.engine != "auto":
        return "as it was asked for"
    if settings.speeds.native is None:
        return _missing()
    return "by this machine's speeds, measured once, the quicker one for these shapes of network"


def _missing() -> str:
    reason = unavailable_reason()
    if reason is None:  # it has come since
        return "when the run began there was no native engine, and a run keeps its engine"
    return f"there is no native engine here, since {reason}"
