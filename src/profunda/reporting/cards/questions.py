"""What the two standards ask, in our words: chapters of questions, and who can answer each.

Datasheet: Gebru, Morgenstern, Vecchione, Vaughan, Wallach, Daumé and Crawford, "Datasheets for Datasets",
Communications of the ACM 64(12), 2021; seven sections. Its "any other comments?" is every chapter's `text`.
Model card: Mitchell, Wu, Zaldivar, Barnes, Vasserman, Hutchinson, Spitzer, Raji and Gebru, "Model Cards for
Model Reporting", FAT* 2019; nine sections.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["DATASHEET", "MODEL_CARD", "Chapter", "Form", "Question"]


@dataclass(frozen=True)
class Question:
    """One question: its `key` in the file that a person fills in, its text, who answers.

    `by` "run": the run knows; "person": nobody else can say. `people`: asked only of data about people.
    """

    key: str
    text: str
    by: Literal["run", "person"] = "person"
    people: bool = False


@dataclass(frozen=True)
class Chapter:
    """A section of a standard; `key` names it in the file that a person fills in."""

    key: str
    title: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Form:
    """A standard: its `key`, what a document of it is called, where it comes from, its sections in order."""

    key: str
    title: str
    source: str
    chapters: tuple[Chapter, ...]


DATASHEET = Form(
    "datasheet",
    "Datasheet",
    "Gebru et al., Datasheets for Datasets, Communications of the ACM 64(12), 2021",
    (
        Chapter(
            "motivation",
            "Motivation",
            (
                Question("purpose", "What were the data made for: which task, which gap?"),
                Question("creators", "Who made them, and on whose behalf?"),
                Question("funding", "Who paid for it, under which grant?"),
            ),
        ),
        Chapter(
            "composition",
            "Composition",
            (
                Question("instances", "What does a row stand for?"),
                Question("count", "How many rows are there?", "run"),
                Question("sample", "Are these all there are, or a sample of more, and then how fair a one?"),
                Question("features", "What does a row consist of?", "run"),
                Question("label", "What is the target?", "run"),
                Question("missing", "What is missing from rows?", "run"),
                Question("relationships", "Are relations between rows made explicit?", "run"),
                Question("splits", "How are the rows split?", "run"),
                Question("errors", "Which errors, noise and repetitions were noticed?", "run"),
                Question("copy", "How is this very copy recognised?", "run"),
                Question("external", "Do the data depend on anything elsewhere, and will that last?"),
                Question("confidential", "Is anything in them confidential?"),
                Question("offensive", "May anything in them offend or frighten?"),
                Question(
                    "subpopulations", "Which groups of people do they name, in which shares?", people=True
                ),
                Question(
                    "identifiable", "Can a person be identified, alone or with other data?", people=True
                ),
                Question(
                    "sensitive", "What in them is sensitive: origin, health, faith, money?", people=True
                ),
            ),
        ),
        Chapter(
            "collection",
            "Collection process",
            (
                Question("acquisition", "How was each value come by: seen, reported, or inferred? Verified?"),
                Question("mechanisms", "By which devices, people or programs, and how were those checked?"),
                Question("sampling", "If they are a sample: how was it drawn?"),
                Question("collectors", "Who collected them, and how were they paid?"),
                Question("timeframe", "When were they collected, and from what time do they speak?"),
                Question("ethical_review", "Did anybody review the ethics of it, with what outcome?"),
                Question("directly", "Were people asked themselves, or others about them?", people=True),
                Question("notified", "Were they told, and in which words?", people=True),
                Question("consent", "Did they consent, and to what?", people=True),
                Question("revocation", "How can consent be taken back?", people=True),
                Question("impact", "Was the effect on them studied?", people=True),
            ),
        ),
        Chapter(
            "preprocessing",
            "Preprocessing, cleaning, labelling",
            (
                Question("before", "What was done to the data before this run read them?"),
                Question("by_run", "What did this run do to them?", "run"),
                Question("raw", "Is the raw state kept, and where?"),
                Question("software", "Is the software that prepared them to be had?"),
            ),
        ),
        Chapter(
            "uses",
            "Uses",
            (
                Question("this_run", "What has this run used them for?", "run"),
                Question("used", "What else have they been used for?"),
                Question("repository", "Where are papers and systems listed that use them?"),
                Question("other_tasks", "What other tasks might they serve?"),
                Question("impact", "What of their making limits later uses, or may harm a group?"),
                Question("not_for", "What must they not be used for?"),
            ),
        ),
        Chapter(
            "distribution",
            "Distribution",
            (
                Question("third_parties", "Who else is given them?"),
                Question("how", "How are they given, and have they a DOI?"),
                Question("when", "Since or from when?"),
                Question("licence", "Under which licence or terms?"),
                Question("restrictions", "Which restrictions have others laid on them?"),
                Question("export", "Do export controls or other rules apply?"),
            ),
        ),
        Chapter(
            "maintenance",
            "Maintenance",
            (
                Question("maintainer", "Who keeps them?"),
                Question("contact", "How is that person reached?"),
                Question("erratum", "Is there an erratum?"),
                Question("updates", "Will they be updated, how often, and who is told?"),
                Question("retention", "How long may data on people be kept?", people=True),
                Question("versions", "What becomes of older versions?"),
                Question("contributions", "How can others add to them?"),
            ),
        ),
    ),
)

MODEL_CARD = Form(
    "model_card",
    "Model card",
    "Mitchell et al., Model Cards for Model Reporting, FAT* 2019",
    (
        Chapter(
            "model_details",
            "Model details",
            (
                Question("developers", "Who made the model?"),
                Question("date", "When, and with which versions?", "run"),
                Question("kind", "What kind of model is it?", "run"),
                Question("training", "How was it found and trained, and what did that take?", "run"),
                Question("reproduce", "How is it used, and had again?", "run"),
                Question("reference", "Where can more be read?"),
                Question("citation", "How is it cited?"),
                Question("licence", "Under which licence?"),
                Question("contact", "Where do questions go?"),
            ),
        ),
        Chapter(
            "intended_use",
            "Intended use",
            (
                Question("uses", "What is it made for?"),
                Question("users", "For whom?"),
                Question("out_of_scope", "What must it not be used for?"),
            ),
        ),
        Chapter(
            "factors",
            "Factors",
            (
                Question(
                    "relevant", "Which groups, devices and surroundings may matter to how well it does?"
                ),
                Question("evaluated", "Which of them were measured?", "run"),
            ),
        ),
        Chapter(
            "metrics",
            "Metrics",
            (
                Question("measures", "Which measures, and which one was optimised?", "run"),
                Question("thresholds", "Which thresholds decide?", "run"),
                Question("variation", "How is uncertainty told?", "run"),
            ),
        ),
        Chapter(
            "evaluation_data",
            "Evaluation data",
            (
                Question("data", "Which rows judged?", "run"),
                Question("preparation", "How were they prepared?", "run"),
                Question("motivation", "Why do these rows speak for those the model will meet?"),
            ),
        ),
        Chapter(
            "training_data",
            "Training data",
            (
                Question("data", "Which rows trained, and which chose?", "run"),
                Question("target", "How is the target distributed?", "run"),
            ),
        ),
        Chapter(
            "quantitative_analyses",
            "Quantitative analyses",
            (
                Question("overall", "How well does it do, and beside whom?", "run"),
                Question("unitary", "How well for each group?", "run"),
                Question("intersectional", "How well where two groups meet?", "run"),
            ),
        ),
        Chapter(
            "ethical_considerations",
            "Ethical considerations",
            (
                Question("sensitive", "Does it use data that are sensitive?"),
                Question("human_life", "Does it bear on matters of life and livelihood?"),
                Question("mitigations", "What was done against harm?"),
                Question("risks", "Whom may it harm, how likely and how much?"),
                Question("fraught", "Which uses would be fraught?"),
            ),
        ),
        Chapter(
            "caveats",
            "Caveats and recommendations",
            (
                Question("caveats", "What did the run notice that limits it?", "run"),
                Question("untested", "What was not tested, and which groups were not there?"),
                Question("recommendations", "What is recommended to whoever uses it?"),
            ),
        ),
    ),
)
