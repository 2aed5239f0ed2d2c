"""The laboratory's contents: every experiment is whole, in both languages, and uses public names only."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from profunda.errors import ArgumentError
from profunda.lab import contents
from profunda.lab.contents import CHAPTERS, Entry, entries, entry
from profunda.lab.words import Words

HERE = Path(contents.__file__).parent / "experiments"
MODULES = sorted(path for path in HERE.rglob("*.py") if path.stem != "__init__")
# What an experiment may import of the package: its own machinery, and what users may.
MACHINERY = {f"profunda.lab.{name}" for name in ("experiment", "images", "pictures", "words")}
FACADES = {"profunda", "profunda.theory", "profunda.layers", "profunda.networks"}
# The texts that the claims come from, by their own titles in either language: by these a reader finds them.
TITLES = (
    "Teoria de Deep Learning",
    "O poder da aprendizagem profunda",
    "IA353A – Neural Networks EC2",
    "Técnicas de regularização",
    "Por que as redes neurais profundas são difíceis de treinar?",
)
NO_TEXT = Words("outside the source texts", "fora dos textos-fonte")


def _imports(path: Path) -> list[tuple[str, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.module or "", alias.name) for alias in node.names]
    return [(module, name) for module, name in found if module.split(".")[0] == "profunda"]


def _foreign(path: Path) -> list[tuple[str, str]]:
    """Imports of the package that no user could write."""
    wrong = []
    for module, name in _imports(path):
        own = module.startswith("profunda.lab.experiments.") and module.split(".")[-1].startswith("_")
        if module in MACHINERY or own:
            continue
        if module not in FACADES or (name and name not in import_module(module).__all__):
            wrong.append((module, name))
    return wrong


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_experiments_use_public_names_only(path: Path) -> None:
    assert not _foreign(path)


def test_a_private_name_is_found(tmp_path: Path) -> None:
    file = tmp_path / "sly.py"
    file.write_text("from profunda.fleet.plan import plan\nfrom profunda.theory import beta, _rule\n")
    assert _foreign(file) == [("profunda.fleet.plan", "plan"), ("profunda.theory", "_rule")]


def test_every_module_is_an_experiment_of_a_chapter() -> None:
    assert {path.parent.name for path in MODULES} <= {chapter.key for chapter in CHAPTERS}
    names = [path.stem.replace("_", "-") for path in MODULES if not path.stem.startswith("_")]
    assert sorted(one.id for one in entries()) == sorted(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("one", entries(), ids=lambda one: one.id)
def test_experiments_speak_both_languages(one: Entry) -> None:
    experiment = one.experiment
    for words in (experiment.title, experiment.claim, experiment.source, experiment.prediction):
        assert words.en.strip()
        assert words.pt.strip()
    # A title may be the same in both ("Dropout"); sentences never are.
    assert experiment.claim.en != experiment.claim.pt
    assert experiment.prediction.en != experiment.prediction.pt


def _cited(source: Words) -> bool:
    """Whether both languages name the same texts by their titles, always as “title”, or say: none of them."""
    texts = (source.en, source.pt)
    if all(words in text for words, text in zip((NO_TEXT.en, NO_TEXT.pt), texts, strict=True)):
        return not any(title in text for title in TITLES for text in texts)
    quoted = [re.findall("“(.*?)”", text) for text in texts]
    loose = "".join(re.sub("“.*?”", "", text) for text in texts)
    known = bool(quoted[0]) and set(quoted[0]) <= set(TITLES)
    bare = any(sign in loose for sign in ("“", "”", '"', *TITLES))
    return known and quoted[0] == quoted[1] and not bare


@pytest.mark.parametrize("one", entries(), ids=lambda one: one.id)
def test_sources_are_named_by_their_titles_in_quotation_marks(one: Entry) -> None:
    assert _cited(one.experiment.source)


@pytest.mark.parametrize(
    ("en", "pt"),
    [
        ("Teoria de Deep Learning, section 2", "Teoria de Deep Learning, seção 2"),
        ("“Deep learning theory”, section 2", "“Teoria de Deep Learning”, seção 2"),
        ("“Deep learning theory”, section 2", "“Deep learning theory”, seção 2"),
        ("“Teoria de Deep Learning”, section 2", "Teoria de Deep Learning, seção 2"),
        ('"Teoria de Deep Learning", section 2', '"Teoria de Deep Learning", seção 2'),
        ("“Teoria de Deep Learning, section 2", "“Teoria de Deep Learning, seção 2"),
        (
            "Teoria de Deep Learning, outside the source texts",
            "Teoria de Deep Learning, fora dos textos-fonte",
        ),
    ],
)
def test_a_title_told_otherwise_is_found(en: str, pt: str) -> None:
    assert not _cited(Words(en, pt))


def test_one_erratum_is_settled_in_one_place() -> None:
    labels = [label for one in entries() for label in one.experiment.errata]
    assert all(re.fullmatch(r"E\d{1,2}", label) for label in labels)


def test_an_experiment_is_found_by_name_or_erratum(three: None) -> None:
    assert entry("two-wrong") is entry("E98")


def test_an_unknown_name_is_told_with_what_is_near(three: None) -> None:
    with pytest.raises(ArgumentError, match=r"no experiment 'two-wrnog'\. Did you mean two-wrong"):
        entry("two-wrnog")


def test_words_know_their_language() -> None:
    assert (Words("a", "b").to("en"), Words("a", "b").to("pt")) == ("a", "b")
