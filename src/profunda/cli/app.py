"""The command line: which commands there are, and how each ending becomes an exit code.

0 done · 2 a word, a file or a run cannot be used, said in one message · 130 interrupted by Ctrl-C
· 141 nobody reads the output any more.
A bug keeps its traceback and exits 1.
"""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError
from rich.console import Console

from profunda._version import __version__
from profunda.errors import ProfundaError

__all__ = ["app", "main"]

app = App(
    name="profunda",
    version=__version__,
    help="Train hundreds of regularised networks together on tables, pictures or texts; keep the best, "
    "scored honestly.",
    suppress_keyboard_interrupt=False,
)
# Named by text: a command's module is imported when that command runs, so that --help stays quick.
app.command("profunda.cli.fit:fit", name="fit", help="Search, train, score and report on data.")
app.command("profunda.cli.predict:predict", name="predict", help="Predict with a finished run.")
app.command("profunda.cli.export:export", name="export", help="Write a run's model as ONNX, or for torch.")
app.command("profunda.cli.resume:resume", name="resume", help="Go on with a run that was interrupted.")
app.command("profunda.cli.report:report", name="report", help="Write a finished run's report.html anew.")
app.command("profunda.cli.card:card", name="card", help="Write a finished run's model card and datasheet.")
app.command(
    "profunda.cli.ablate:ablate", name="ablate", help="Tell what each ingredient of a recipe is worth."
)
app.command("profunda.cli.lab:lab", name="lab", help="Measure what textbooks claim; write the book of it.")
app.command(
    "profunda.cli.forecast:forecast", name="forecast", help="What theory says of a network before training."
)
app.command("profunda.cli.diagnose:diagnose", name="diagnose", help="Find out why a network does not train.")
app.command("profunda.cli.info:info", name="info", help="Versions, cores, threads, devices and engines here.")


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that `words` (default: those of the shell) name and return its exit code."""
    # Idle OpenMP threads that spin slow small networks many times over; this process is ours to set.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    words = sys.argv[1:] if words is None else list(words)
    try:
        app(words, exit_on_error=False, print_error=True, result_action="return_value")
        sys.stdout.flush()  # here, and not while Python ends, where nothing can catch it
    except CycloptsError:  # already printed, with "did you mean"
        return 2
    except ProfundaError as error:
        _complain("Error: ", str(error))
        return 2
    except KeyboardInterrupt as interruption:
        hint = " ".join(str(part) for part in interruption.args)
        _complain("Interrupted. ", hint)
        return 130
    except BrokenPipeError:
        if not _nobody_reads():
            raise
        return 141
    return 0


def _nobody_reads() -> bool:
    """Whether the output is a pipe that was closed, as by `profunda lab | head`; it then goes nowhere."""
    try:
        print(flush=True)  # an unbuffered stream has nothing left to flush, and so nothing to fail with
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _complain(head: str, text: str) -> None:
    console = Console(stderr=True)
    console.print(head, style="bold red", end="", soft_wrap=True)
    console.print(text, markup=False, highlight=False, soft_wrap=True)
