"""Rules on the rows that a loop really trains on: few of those there are, or those that should judge it."""

from profunda.diagnosis.finding import Answer, Evidence, Finding, Silence
from profunda.diagnosis.record import Coverage, Record
from profunda.diagnosis.rules.consequences import STALLED
from profunda.diagnosis.rules.passes import same_batch
from profunda.diagnosis.rules.readings import poor

__all__ = ["carried_over", "same_rows", "trained_on_validation"]

EXPECTED = 0.5
"""Share of the rows that even draws with replacement would have met."""

FEWEST, CARRIED = 3, 0.5
"""Steps, and share of the training passes, from which on it is what the loop does."""

FOREIGN = 0.1
"""Share of the validation rows: from that on the score tells more of memory than its usual error."""


def same_rows(record: Record) -> Answer:
    """Steps on the batch of the step before, or on the same few rows again and again."""
    answer = same_batch(record)
    found = _coverage(record)
    if not isinstance(answer, Silence) or found is None or found.since < 0:
        return answer
    return (
        Finding(
            "same-batch",
            "fault",
            "",
            (
                Evidence(
                    "different rows, of those that chance would meet",
                    found.reached,
                    EXPECTED,
                    "share",
                ),
                Evidence("different rows trained on", float(found.different), unit="rows"),
                Evidence("rows of the data", float(found.n), unit="rows"),
            ),
            f"The first batches hold {found.different} different rows of {found.n}, which come again and "
            "again: the network learns these by heart and does not see most of the others.",
            "Let batches be cut one behind the other (x[i * size : (i + 1) * size], or i in steps of the "
            "size), and let the loop go on to the end of the data before it begins anew.",
            explains=("overfitting", "class-imbalance", "norm-statistics-stale", "too-large", *STALLED),
        ),
    )


def trained_on_validation(record: Record) -> tuple[Finding, ...]:
    """Validation rows that the loop makes steps on."""
    found, course = _coverage(record), record.course
    if found is None or course is None or not found.foreign >= FOREIGN:
        return ()
    return (
        Finding(
            "rows-leak",
            "fault",
            "",
            (Evidence("share of validation rows that were trained on", found.foreign, FOREIGN, "share"),),
            f"Backward passes were made on {found.foreign:.0%} of the validation rows, which are no rows "
            "of the data: their score measures how well they were remembered.",
            "Evaluate within torch.no_grad(), and call backward() and step() on training rows alone.",
            harm=found.foreign,
        ),
    )


def _coverage(record: Record) -> Coverage | None:
    return None if record.course is None else record.course.coverage


def carried_over(record: Record) -> tuple[Finding, ...]:
    """A state that goes on from a batch to the next one, of other rows."""
    course = record.course
    share = 0.0 if course is None or course.steps < FEWEST else course.carried
    if not share >= CARRIED:
        return ()
    return (
        Finding(
            "rows-mixed",
            "fault" if poor(record) else "hint",
            "",
            (Evidence("training passes that began with an older state", share, CARRIED, "share"),),
            "The state that a batch left in the network is handed to the next one, whose rows have nothing "
            "to do with those: what a row is answered depends on strangers.",
            "Begin each batch with a state of zeros (None), or keep the order of one long series: batches "
            "without shuffling, in which each row goes on where that of the batch before ended.",
            harm=0.2,
        ),
    )
