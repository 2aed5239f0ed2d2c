"""The papers of a run: what it knows stands there, what it cannot is marked, and nothing written is lost."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import profunda
from profunda.errors import ArgumentError, RunError
from profunda.journal.record import Journal
from profunda.reporting.cards.checking import MISSING, check_text
from profunda.reporting.cards.front_matter import read, split
from profunda.reporting.cards.header import licence_id, slug
from profunda.reporting.cards.making import Cards, card
from profunda.reporting.cards.markdown import escaped
from profunda.reporting.cards.model_card import _without_folders
from profunda.reporting.cards.questions import DATASHEET, MODEL_CARD
from profunda.reporting.record import RECORD_FILE


def text(cards: Cards, name: str) -> str:
    return dict(cards.texts)[name]


def header(cards: Cards) -> dict:
    head, _ = split(text(cards, "model_card.md"))
    assert head is not None
    tree = read(head)
    assert isinstance(tree, dict)
    return tree


def fill(tmp_path: Path, words: str) -> Path:
    path = tmp_path / "card.toml"
    path.write_text(words, encoding="utf-8")
    return path


def answered(tmp_path: Path) -> Path:
    """A file in which every section is answered as a whole."""
    lines = [
        f'[{form.key}.{chapter.key}]\ntext = "Said."'
        for form in (DATASHEET, MODEL_CARD)
        for chapter in form.chapters
    ]
    return fill(tmp_path, "\n".join(lines))


def test_both_cards_have_all_sections_and_pass_the_check(made: Path) -> None:
    cards = card(made)
    for name, form in (("datasheet.md", DATASHEET), ("model_card.md", MODEL_CARD)):
        assert check_text(text(cards, name)) == ()
        told = re.findall(r"^## (.*)$", text(cards, name), re.MULTILINE)
        assert told == [*(chapter.title for chapter in form.chapters), "Still missing"]


def test_the_run_tells_what_it_knows(made: Path) -> None:
    cards = card(made)
    model = profunda.load(made)
    score = model.provenance.score
    assert score is not None
    told, sheet = text(cards, "model_card.md"), text(cards, "datasheet.md")
    summary = json.loads((made / "summary.json").read_text())
    assert all(baseline["title"] in told for baseline in summary["baselines"].values())
    for fact in (
        f"{score.value:.3g}",
        "200 rows that no choice has seen",
        "the most probable class is said, of equals the first",
        "torch",
        "seed | 0",
        "town × kind",
        "recall",
    ):
        assert fact in told
    assert model.provenance.fingerprint in told
    assert "profunda fit people.csv" in told
    assert str(made.parent) not in told + sheet  # whose machine it was is nobody's business
    for fact in (
        "400 rows",
        "| amount | numeric | yes | 40 |",
        "| same | constant | no |",
        "| bought | no! |",
        "SHA-256",
    ):
        assert fact in sheet


def test_the_header_tells_the_results(made: Path) -> None:
    cards, yaml = card(made), pytest.importorskip("yaml")
    tree = header(cards)
    assert yaml.safe_load(split(text(cards, "model_card.md"))[0]) == tree
    assert (tree["license"], tree["library_name"]) == ("unknown", "profunda")
    assert tree["pipeline_tag"] == "tabular-classification"
    (result,) = tree["model-index"][0]["results"]
    score = profunda.load(made).provenance.score
    assert score is not None
    assert result["metrics"][0]["value"] == pytest.approx(score.value, rel=1e-5)
    assert [metric["type"] for metric in result["metrics"]] == tree["metrics"]
    assert "roc_auc" in tree["metrics"]
    assert result["dataset"]["type"] == "people"


def test_what_only_a_person_can_say_is_marked_and_listed(made: Path) -> None:
    cards = card(made)
    keys = [answer.key for answer in cards.missing]
    assert "datasheet.motivation.funding" in keys
    assert "model_card.intended_use.uses" in keys
    told = json.loads(cards.to_json())
    assert [one["key"] for one in told["missing"]] == keys
    for one, name in ((cards.datasheet, "datasheet.md"), (cards.model_card, "model_card.md")):
        assert text(cards, name).count(MISSING) == len(one.missing)
        listed = text(cards, name).partition("## Still missing")[2]
        assert re.findall(r"^- `(.*?)`", listed, re.MULTILINE) == [answer.key for answer in one.missing]
    assert cards.findings(strict=True)


def test_an_answer_takes_the_place_of_its_mark(made: Path, tmp_path: Path) -> None:
    words = '[datasheet.motivation]\nfunding = "The *state*.\\n# Not a heading"\n'
    words += '[model_card.model_details]\nlicence = "my own"'
    before, cards = card(made), card(made, fill(tmp_path, words))
    assert len(cards.missing) == len(before.missing) - 2
    sheet = text(cards, "datasheet.md")
    assert "**Who paid for it, under which grant?**\n\nThe *state*.\n\\# Not a heading" in sheet
    assert (header(cards)["license"], header(cards)["license_name"]) == ("other", "my-own")


def test_an_answer_to_what_the_run_tells_is_added(made: Path, tmp_path: Path) -> None:
    sheet = text(
        card(made, fill(tmp_path, '[datasheet.composition]\ncount = "Of a million."')), "datasheet.md"
    )
    assert "400 rows.\n\nOf a million." in sheet


def test_data_that_are_not_about_people(made: Path, tmp_path: Path) -> None:
    cards = card(made, fill(tmp_path, "[data]\nabout_people = false"))
    keys = {answer.key for answer in cards.missing}
    assert "datasheet.collection.consent" not in keys
    assert "datasheet.collection.timeframe" in keys
    assert "**Did they consent, and to what?**\n\nThe data are not about people." in text(
        cards, "datasheet.md"
    )


def test_sections_answered_as_a_whole_leave_nothing_open(made: Path, tmp_path: Path) -> None:
    cards = card(made, answered(tmp_path))
    assert cards.missing == ()
    assert {one.code.partition("-")[0] for one in cards.findings(strict=True)} == {"croissant"}
    assert "Still missing" not in text(cards, "datasheet.md")
    assert "400 rows" in text(cards, "datasheet.md")  # what the run knows stays


def test_a_run_of_an_earlier_version_says_not_recorded(run: Path) -> None:
    (run / RECORD_FILE).unlink()
    (run / "report.json").unlink()
    cards = card(run)
    assert check_text(text(cards, "datasheet.md")) == ()
    assert text(cards, "datasheet.md").count("Not recorded") == 9
    assert "On the same rows" in text(cards, "model_card.md")
    assert "distribution" not in json.loads(text(cards, "croissant.json"))
    assert any(item.mark == "Not recorded" for section in cards.document.sections for block in section.blocks
               for item in getattr(block, "items", ()) if hasattr(item, "mark"))  # fmt: skip


def test_papers_are_written_and_written_again(run: Path) -> None:
    paths = card(run).write()
    assert [path.name for path in paths] == [
        "model_card.md", "datasheet.md", "croissant.json", "card.html", "card.json",
    ]  # fmt: skip
    page = (run / "card" / "card.html").read_text("utf-8")
    assert "Intended use" in page
    assert "http://" not in page.replace("http-equiv", "")
    assert card(run).write() == paths


def test_what_somebody_has_changed_is_not_lost(run: Path) -> None:
    card(run).write()
    mine = run / "card" / "datasheet.md"
    for round_ in ("one", "two"):
        mine.write_text(f"mine {round_}")
        with pytest.raises(RunError, match=r"holds datasheet\.md as somebody has changed it .*--force"):
            card(run).write()
        assert mine.read_text() == f"mine {round_}"
        card(run).write(force=True)
        assert mine.read_text().startswith("# Datasheet")
    assert [(run / "card" / f"datasheet.md.bak{n}").read_text() for n in ("", "2")] == [
        "mine one",
        "mine two",
    ]


FUNDED = '[datasheet.motivation]\nfunding = "The state."\n[datasheet.composition]\ncount = "Of a million."\n'


def test_answers_are_kept_for_the_next_time(run: Path, tmp_path: Path) -> None:
    paths = card(run, fill(tmp_path, FUNDED + "[data]\nabout_people = false")).write()
    assert run / "card" / "answers.toml" in paths
    papers = {path.name: path.read_bytes() for path in paths}
    assert card(run).write() == paths
    assert {path.name: path.read_bytes() for path in paths} == papers
    assert b"The state." in papers["datasheet.md"]


def test_answers_that_somebody_writes_beside_the_papers_are_taken(run: Path, tmp_path: Path) -> None:
    card(run, fill(tmp_path, FUNDED)).write()
    mine = run / "card" / "answers.toml"
    mine.write_text(
        "# by hand\n" + mine.read_text("utf-8").replace("The state.", "Nobody."), encoding="utf-8"
    )
    card(run).write()
    assert "Nobody." in (run / "card" / "datasheet.md").read_text("utf-8")
    assert mine.read_text("utf-8").startswith("# by hand")
    mine.write_text(mine.read_text("utf-8").replace("Nobody.", "An uncle."), encoding="utf-8")
    with pytest.raises(RunError, match=r"holds answers\.toml as somebody has changed it"):
        card(run, fill(tmp_path, FUNDED)).write()


def test_an_answer_changes_with_its_file(run: Path, tmp_path: Path) -> None:
    card(run, fill(tmp_path, FUNDED)).write()
    card(run, fill(tmp_path, FUNDED.replace("The state.", "Nobody."))).write()
    assert "Nobody." in (run / "card" / "answers.toml").read_text("utf-8")
    assert not list((run / "card").glob("*.bak"))


def test_answers_that_another_file_lacks_are_not_lost(run: Path, tmp_path: Path) -> None:
    card(run, fill(tmp_path, FUNDED)).write()
    fewer = card(run, fill(tmp_path, '[datasheet.composition]\ncount = "Of two."'))
    with pytest.raises(RunError, match=r"would leave open \(datasheet\.motivation\.funding\), .*--force"):
        fewer.write()
    assert "The state." in (run / "card" / "datasheet.md").read_text("utf-8")
    fewer.write(force=True)
    assert "The state." in (run / "card" / "answers.toml.bak").read_text("utf-8")
    assert card(run).missing == fewer.missing


def test_answers_that_cannot_be_read_are_named(run: Path) -> None:
    (run / "card").mkdir()
    (run / "card" / "answers.toml").write_text("[data")
    with pytest.raises(ArgumentError, match=r"answers\.toml is not TOML"):
        card(run)


def test_only_paths_lose_their_folders() -> None:
    told = _without_folders("profunda fit /somebody/t.csv --target price/m2 --warm-start /runs/a --seed 0")
    assert told == "profunda fit t.csv --target price/m2 --warm-start a --seed 0"
    assert _without_folders("") == ""


def test_papers_that_another_hand_made_are_not_lost(run: Path) -> None:
    (run / "card").mkdir()
    (run / "card" / "model_card.md").write_text("mine")
    (run / "card" / "card.json").write_text("[1, 2")
    with pytest.raises(RunError, match=r"holds model_card\.md"):
        card(run).write()


def test_a_folder_that_cannot_be_written(run: Path) -> None:
    (run / "card").write_text("a file")
    with pytest.raises(RunError, match="the papers cannot be written to"):
        card(run).write()


def test_a_run_that_has_not_finished(run: Path, tmp_path: Path) -> None:
    (run / "summary.json").unlink()
    with pytest.raises(RunError, match=r"has not finished.*profunda resume"):
        card(run)
    with pytest.raises(RunError):
        card(tmp_path / "nowhere")


@pytest.mark.parametrize("words", ["{", "[]", '{"networks": "x"}'])
def test_a_summary_that_was_changed(words: str, run: Path) -> None:
    (run / "summary.json").write_text(words)
    with pytest.raises(RunError, match=r"summary.*it was changed"):
        card(run)


def test_bytes_that_are_no_text_are_told_as_other_damage(run: Path) -> None:
    (run / "report.json").write_bytes(b"{")
    damaged = card(run)
    (run / "report.json").write_bytes(b'{"title": "\xff"}')
    assert card(run).texts == damaged.texts
    (run / RECORD_FILE).write_bytes(b'{"format": "\xff"}')
    with pytest.raises(RunError, match=r"record\.json cannot be read .*move it away"):
        card(run)


def test_a_search_of_an_own_objective_has_no_papers(tmp_path: Path) -> None:
    with Journal.create(tmp_path / "own", {"kind": "objective"}):
        pass
    with pytest.raises(RunError, match="search of your own objective"):
        card(tmp_path / "own")


def test_numbers_without_held_out_rows_and_in_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 2))
    profunda.fit(
        (x, x[:, 0]), trials=1, fix={"epochs": 2}, fidelity="full", folds=1, test=0.0, engine="torch",
        out=tmp_path / "run", progress=False,
    )  # fmt: skip
    cards = card(tmp_path / "run")
    assert check_text(text(cards, "model_card.md")) == ()
    assert text(cards, "model_card.md").count("No rows were held out") == 4
    assert "model-index" not in header(cards)
    assert header(cards)["pipeline_tag"] == "tabular-regression"
    assert "No command does it again" in text(cards, "model_card.md")
    assert "distribution" not in json.loads(text(cards, "croissant.json"))
    cards.write()


HOSTILE = "a|b\n## Uses\n<script>`*_[x](y)"


def test_names_of_columns_and_classes_are_text(tmp_path: Path) -> None:
    import pandas as pd

    rng = np.random.default_rng(0)
    number = rng.normal(size=120)
    table = pd.DataFrame(
        {HOSTILE: number, "---": rng.choice(["# x", "| y |"], 120), "t": np.where(number > 0, "1. a", "<b>")}
    )
    profunda.fit(
        table, "t", trials=1, fix={"epochs": 2}, fidelity="full", folds=1, test=0.5, engine="torch",
        out=tmp_path / "run", progress=False,
    )  # fmt: skip
    cards = card(tmp_path / "run")
    for name in ("datasheet.md", "model_card.md"):
        assert check_text(text(cards, name)) == ()
        assert not re.search(r"(?<!\\)<script", text(cards, name))
        rows = [line for line in text(cards, name).splitlines() if line.startswith("|")]
        assert rows
        assert all(line.endswith("|") for line in rows)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_escaped_text_is_text(words: str) -> None:
    markdown_it = pytest.importorskip("markdown_it")
    tokens = markdown_it.MarkdownIt("commonmark").enable("table").parse(f"x {escaped(words)}")
    inner = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inner} <= {"text", "text_special", "softbreak"}


@pytest.mark.parametrize(
    ("said", "short"), [("", "unknown"), ("CC BY 4.0", "cc-by-4.0"), ("MIT", "mit"), ("Ours alone", "other")]
)
def test_licences_as_the_hub_names_them(said: str, short: str) -> None:
    assert licence_id(said) == short


@pytest.mark.parametrize(("words", "name"), [("My data (v2)!", "my-data-v2"), ("--", "data"), ("été", "t")])
def test_names_as_the_hub_takes_them(words: str, name: str) -> None:
    assert slug(words) == name
