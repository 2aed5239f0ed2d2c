"""A record as it stood at an earlier step."""

from dataclasses import replace

import numpy as np

from profunda.diagnosis.record import Course, Record

__all__ = ["until"]


def until(record: Record, step: int) -> Record:
    """`record` as it would be after `step` steps of those seen: without what came later, and without what is
    only measured at the end. Counts are taken as evenly spread over the steps.
    """
    course = record.course
    return replace(
        record,
        surveys=tuple(one for one in record.surveys if one.step <= step),
        sharpness=tuple(one for one in record.sharpness if one.step <= step),
        course=_until(course, step) if course is not None and step else None,
        kernel=None,
        trials=(),
        narrower=None,
    )


def _until(course: Course, step: int) -> Course:
    looked = course.sampled < step
    epochs = course.epoch_step <= step
    share = step / max(1, course.steps)
    broken = 0 <= course.broken_step < step
    return replace(
        course,
        loss=course.loss[:step],
        rate=course.rate[:step],
        rows=course.rows[:step],
        sampled=course.sampled[looked],
        gradient=course.gradient[looked],
        update=course.update[looked],
        agreement=course.agreement[looked],
        epoch_step=course.epoch_step[epochs],
        train_loss=course.train_loss[epochs],
        valid_loss=course.valid_loss[epochs],
        train_score=course.train_score[epochs],
        valid_score=course.valid_score[epochs],
        steps=int(np.size(course.loss[:step])),
        broken_step=course.broken_step if broken else -1,
        broken_at=course.broken_at if broken else "",
        planned=course.planned,
        finished=False,
        forwards=int(share * course.forwards),
        backwards=int(share * course.backwards),
        skipped=int(share * course.skipped),
        uncleared=int(share * course.uncleared),
        in_evaluation=int(share * course.in_evaluation),
        evaluated_in_training=int(share * course.evaluated_in_training),
        repeated=int(share * course.repeated),
        overwritten=int(share * course.overwritten),
        detached=int(share * course.detached),
        dropped=int(share * course.dropped),
        forgot=int(share * course.forgot),
        returned=int(share * course.returned),
        ending="",
        coverage=None if course.coverage is None else course.coverage.until(step * course.accumulate),
    )
