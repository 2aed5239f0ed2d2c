"""The chosen standards beside papers of the same purpose: what each asks that the other does not.

One table of themes a comparison; the page docs/cards.md and ``profunda card --standards`` are made from it.
Sections are named as their paper names them; what a cell says is in our words.
"""

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["COMPARISONS", "Comparison", "Paper", "Theme", "markdown", "only"]


@dataclass(frozen=True)
class Paper:
    """A standard of documentation: its short name, its source, its sections in order."""

    name: str
    source: str
    sections: tuple[str, ...]


@dataclass(frozen=True)
class Theme:
    """Something to ask about; `asked` has for each paper the sections that do (none: it does not)."""

    title: str
    asked: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """Papers side by side, the chosen standard first."""

    title: str
    papers: tuple[Paper, ...]
    themes: tuple[Theme, ...]


DATASHEETS = Paper(
    "Datasheets for Datasets",
    "Gebru et al., Communications of the ACM 64(12), 2021, https://doi.org/10.1145/3458723",
    (
        "Motivation", "Composition", "Collection process", "Preprocessing/cleaning/labeling", "Uses",
        "Distribution", "Maintenance",
    ),
)  # fmt: skip
DATA_STATEMENTS = Paper(
    "Data Statements",
    "Bender and Friedman, Transactions of the ACL 6, 2018, https://doi.org/10.1162/tacl_a_00041",
    (
        "Curation rationale", "Language variety", "Speaker demographic", "Annotator demographic",
        "Speech situation", "Text characteristics", "Recording quality", "Other", "Provenance appendix",
    ),
)  # fmt: skip
NUTRITION_LABEL = Paper(
    "Dataset Nutrition Label",
    "Holland et al., 2018, https://arxiv.org/abs/1805.03677",
    (
        "Metadata", "Provenance", "Variables", "Statistics", "Pair plots", "Probabilistic model",
        "Ground truth correlations",
    ),
)  # fmt: skip
MODEL_CARDS = Paper(
    "Model Cards",
    "Mitchell et al., FAT* 2019, https://doi.org/10.1145/3287560.3287596",
    (
        "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data",
        "Quantitative analyses", "Ethical considerations", "Caveats and recommendations",
    ),
)  # fmt: skip
FACTSHEETS = Paper(
    "FactSheets",
    "Arnold et al., IBM Journal of Research and Development 63(4/5), 2019, https://arxiv.org/abs/1808.07261",
    ("Statement of purpose", "Basic performance", "Safety", "Security", "Lineage"),
)

COMPARISONS = (
    Comparison(
        "Documents for data",
        (DATASHEETS, DATA_STATEMENTS, NUTRITION_LABEL),
        (
            Theme(
                "Why the data were made and chosen",
                (("Motivation",), ("Curation rationale",), ()),
                "a statement asks which texts were let in; a label has a description at most",
            ),
            Theme(
                "Who made them and who paid",
                (("Motivation",), (), ("Provenance",)),
                "the label names source and author, and no funder",
            ),
            Theme(
                "What a row is, how many there are",
                (("Composition",), ("Text characteristics",), ("Metadata", "Variables")),
                "a statement asks for genre, topic and structure of texts",
            ),
            Theme(
                "Numbers computed from the values",
                ((), (), ("Statistics", "Pair plots", "Probabilistic model")),
                "ranges, frequencies, correlations, and synthetic rows from a fitted model",
            ),
            Theme(
                "Agreement with other data",
                ((), (), ("Ground truth correlations",)),
                "columns held against data taken for true, such as a census",
            ),
            Theme(
                "Language and dialect",
                ((), ("Language variety",), ()),
                "as a BCP-47 tag and in prose",
            ),
            Theme(
                "Who speaks, or is described",
                (("Composition",), ("Speaker demographic",), ()),
                "a datasheet asks whether people can be found out; a statement, who they are",
            ),
            Theme(
                "Who collected and labelled",
                (("Collection process",), ("Annotator demographic",), ()),
                "a datasheet asks how they were paid; a statement, what they bring with them",
            ),
            Theme(
                "Circumstances and quality of recording",
                (("Collection process",), ("Speech situation", "Recording quality"), ()),
                "a statement asks for place, spontaneity and audience",
            ),
            Theme("Notice, consent, ethical review", (("Collection process",), (), ())),
            Theme("Cleaning, and the raw state", (("Preprocessing/cleaning/labeling",), (), ())),
            Theme("Uses, and uses to refrain from", (("Uses",), (), ())),
            Theme(
                "Licence and release",
                (("Distribution",), (), ("Metadata",)),
                "a label has fields for both and no word on restrictions by others",
            ),
            Theme(
                "Upkeep, versions, contact",
                (("Maintenance",), (), ("Provenance",)),
                "a label keeps the history of versions, a datasheet also plans for the end",
            ),
            Theme(
                "Data that these were made from",
                (("Composition",), ("Provenance appendix",), ("Provenance",)),
                "a statement carries the statements of its sources with it",
            ),
            Theme("Anything else", (("Motivation",), ("Other",), ()), "a datasheet asks it in every section"),
        ),
    ),
    Comparison(
        "Documents for models",
        (MODEL_CARDS, FACTSHEETS),
        (
            Theme("What it is, and who made it", (("Model details",), ("Statement of purpose",))),
            Theme(
                "What it is for, and for whom",
                (("Intended use",), ("Statement of purpose",)),
                "a card also asks what is out of scope",
            ),
            Theme(
                "Groups and conditions that matter",
                (("Factors",), ("Safety",)),
                "a fact sheet asks under the head of fairness",
            ),
            Theme("Measures, thresholds, uncertainty", (("Metrics",), ("Basic performance",))),
            Theme("Rows that judge", (("Evaluation data",), ("Basic performance",))),
            Theme(
                "Rows that train",
                (("Training data",), ("Lineage",)),
                "a fact sheet asks for the datasheet of every data set used",
            ),
            Theme(
                "Results for each group, and where groups meet",
                (("Quantitative analyses",), ()),
                "a fact sheet asks whether bias was checked, not for the numbers",
            ),
            Theme("Harm and what was done against it", (("Ethical considerations",), ("Safety",))),
            Theme("What is left untested, and advice", (("Caveats and recommendations",), ())),
            Theme("Tests by somebody else", ((), ("Basic performance",))),
            Theme("Explanations of single predictions", ((), ("Safety",))),
            Theme("Drift of the data after release", ((), ("Safety",)), "is it watched for, and then what"),
            Theme("Attacks and how they are met", ((), ("Security",))),
            Theme("How every model was trained, and kept track of", (("Model details",), ("Lineage",))),
        ),
    ),
)


def only(comparison: Comparison, paper: int) -> tuple[str, ...]:
    """The themes that this paper alone asks about."""
    return tuple(
        theme.title
        for theme in comparison.themes
        if theme.asked[paper] and not any(asked for k, asked in enumerate(theme.asked) if k != paper)
    )


def markdown() -> str:
    """All comparisons as Markdown: a table, what each paper alone asks, and the sources."""
    return "\n".join(line for comparison in COMPARISONS for line in _lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    names = [paper.name for paper in comparison.papers]
    yield f"### {comparison.title}\n"
    yield f"| asked about | {' | '.join(names)} | the difference |"
    yield "|" + "---|" * (len(names) + 2)
    for theme in comparison.themes:
        cells = (", ".join(asked) or "–" for asked in theme.asked)
        yield f"| {theme.title} | {' | '.join(cells)} | {theme.note or ''} |"
    yield ""
    for place, name in enumerate(names):
        alone = "; ".join(title[0].lower() + title[1:] for title in only(comparison, place))
        yield f"- **Only {name}** asks about: {alone or 'nothing'}."
    yield ""
    for paper in comparison.papers:
        yield f"- {paper.name}: {paper.source}."
    yield ""
