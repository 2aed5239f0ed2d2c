"""Every claim of the source texts as an experiment: prediction, measurement, verdict, picture.

`experiment`, `pictures` and `words` are what an experiment is made of; `contents` finds them, one package a
chapter and one module an experiment under `experiments`, which use public names only; `running` runs them,
`drawing` and `book` make pages of what they say.
"""

from typing import TYPE_CHECKING

from profunda._lazy import lazily

if TYPE_CHECKING:  # the same table for editors and type checkers; a test compares the two
    from profunda.lab.book import write_book as write_book
    from profunda.lab.book import write_page as write_page
    from profunda.lab.contents import entries as entries
    from profunda.lab.contents import entry as entry
    from profunda.lab.experiment import Experiment as Experiment
    from profunda.lab.experiment import Outcome as Outcome
    from profunda.lab.running import Run as Run
    from profunda.lab.running import run as run
    from profunda.lab.running import run_all as run_all

_HOMES = {
    "Experiment": "profunda.lab.experiment",
    "Outcome": "profunda.lab.experiment",
    "Run": "profunda.lab.running",
    "entries": "profunda.lab.contents",
    "entry": "profunda.lab.contents",
    "run": "profunda.lab.running",
    "run_all": "profunda.lab.running",
    "write_book": "profunda.lab.book",
    "write_page": "profunda.lab.book",
}

__all__ = ["Experiment", "Outcome", "Run", "entries", "entry", "run", "run_all", "write_book", "write_page"]

__getattr__, __dir__ = lazily(__name__, _HOMES)
