"""`profunda card`: the papers of a finished run, what a person has to add, and a check of anybody's."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from profunda.errors import ArgumentError

__all__ = ["card"]

MOST_SHOWN = 8  # open questions on the terminal; the papers list all


def card(
    run: Path | None = None,
    /,
    *,
    fill: Path | None = None,
    template: Path | None = None,
    check: Path | None = None,
    standards: Annotated[bool, Parameter(negative="")] = False,
    strict: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a run's model card, its data's datasheet and their metadata into RUN/card.

    Parameters
    ----------
    run
        The folder of a finished run.
    fill
        A TOML file with what only a person can say; what is not said is marked as missing.
    template
        Write such a file to fill in, and nothing else; with RUN, what is known already stands in it.
    check
        Check a datasheet or model card (.md) or Croissant metadata (.json), anybody's.
    standards
        Tell how the two standards stand beside similar papers.
    strict
        Fail where a question is still open, or anything else is found.
    json
        Print what is open and what was found as JSON.
    force
        Write over papers that were changed since they were written, which stay as .bak.
    """
    asked = [run is not None and template is None, template is not None, check is not None, standards]
    if sum(asked) != 1:
        raise ArgumentError(
            "say one thing: RUN writes its papers, --template FILE a file to fill in, --check FILE checks a "
            "card, "
            "--standards tells what they follow"
        )
    if standards:
        _standards()
    elif check is not None:
        _check(check, strict)
    elif template is not None:
        _template(template, run, fill)
    elif run is not None:
        _write(run, fill, strict=strict, json=json, force=force)


def _standards() -> None:
    from profunda.reporting.cards.standards import markdown

    print(markdown(), end="")


def _check(file: Path, strict: bool) -> None:
    from profunda.reporting.cards.checking import check_file

    found = check_file(file, strict=strict)
    if found:
        raise ArgumentError("\n".join([f"{file} is not in order:", *(f"  · {one.text}" for one in found)]))
    print(f"{file} is in order.")


def _template(file: Path, run: Path | None, fill: Path | None) -> None:
    from profunda.reporting.cards.filling import read_filling, write_template
    from profunda.reporting.cards.making import card as papers

    known = papers(run, fill).filling if run is not None else read_filling(fill) if fill is not None else None
    print(f"Fill in:  {write_template(file, known)}")
    print(f"Then:     profunda card {run or 'RUN'} --fill {file}")


def _write(run: Path, fill: Path | None, *, strict: bool, json: bool, force: bool) -> None:
    from profunda.reporting.cards.making import card as papers

    made = papers(run, fill)
    written = made.write(force=force)
    if json:
        print(made.to_json())
    else:
        for path in written:
            print(path)
        for one in made.findings():
            print(f"Noticed:  {one.text}")
        _tell_open([one.key for one in made.missing], run, fill)
    found = made.findings(strict=True) if strict else ()
    if found:
        raise ArgumentError(
            "\n".join([f"The papers of {run} are not complete:", *(f"  · {one.text}" for one in found)])
        )


def _tell_open(keys: list[str], run: Path, fill: Path | None) -> None:
    if not keys:
        print("No question is open.")
        return
    more = f" and {len(keys) - MOST_SHOWN} more" if len(keys) > MOST_SHOWN else ""
    print(
        f"Open:     {len(keys)} questions that only a person can answer: {', '.join(keys[:MOST_SHOWN])}{more}"
    )
    if fill is None:
        print(f"Answer:   profunda card {run} --template card.toml")
