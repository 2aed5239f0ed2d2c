"""One cause, one finding: symptoms of a cause that was found too are dropped, and what is left is put in
order.
"""

from collections.abc import Sequence
from dataclasses import replace

from profunda.diagnosis.codes import AREAS
from profunda.diagnosis.finding import SEVERITIES, Finding

__all__ = ["trace"]


def trace(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """`findings` without those that others explain, the most important first.

    A finding explains the codes in its `explains`, and what these explain in turn, but for what explains
    them as well: that is another cause of the same effect. A hint that explains a fault becomes one: what it
    is about made training fail. Faults stand before hints; among equals what lies earlier from cause to
    effect (`codes.AREAS`), then what does more harm, then what was seen first. Two findings that explain each
    other are one circle, of which the one that is earlier in that order stays.

    >>> trace(())
    ()
    """
    ordered = sorted(findings, key=_rank)
    kept: list[Finding] = []
    for finding in ordered:
        if any(finding.code in _reach(one, ordered) for one in kept):
            continue
        kept = [one for one in kept if one.code not in _reach(finding, ordered)]
        kept.append(finding)
    return tuple(sorted((_raised(one, ordered) for one in kept), key=_rank))


def _rank(finding: Finding) -> tuple[int, int, float, int]:
    return (
        SEVERITIES.index(finding.severity),
        AREAS.index(finding.area),
        -finding.harm,
        finding.step,
    )


def _reach(cause: Finding, findings: Sequence[Finding]) -> frozenset[str]:
    """Codes that `cause` explains, through other findings too; its own is not among them.

    What it brings about can have a second cause, which is itself on the list of what that effect brings
    about elsewhere (fading gradients and a standstill): such a circle does not hand the blame on.
    """
    explains: dict[str, frozenset[str]] = {}
    for one in findings:
        explains[one.code] = explains.get(one.code, frozenset()).union(one.explains)
    known, waiting = {cause.code, *cause.explains}, list(cause.explains)
    while waiting:
        code = waiting.pop()
        for further in explains.get(code, frozenset()) - known:
            if code not in explains.get(further, frozenset()):
                known.add(further)
                waiting.append(further)
    return frozenset(known - {cause.code})


def _raised(cause: Finding, findings: Sequence[Finding]) -> Finding:
    reach = _reach(cause, findings)
    failed = any(one.code in reach and one.severity == "fault" for one in findings)
    return replace(cause, severity="fault") if failed else cause
