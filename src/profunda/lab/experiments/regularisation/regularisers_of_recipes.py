"""The regularisers that the text ascribes to four published recipes, against what the papers report."""

from collections.abc import Callable
from dataclasses import dataclass

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import told
from profunda.lab.pictures import Axis, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.layers import NTASGD
from profunda.networks import (
    AWDLSTM,
    DenseNet,
    EfficientNet,
    LanguageRegularisers,
    ShowAndTell,
    describe,
    load_weights,
)

_NAMES = {
    "augmentation": Words("augmentation", "aumento de dados"),
    "batch norm": Words("batch norm", "batch norm"),
    "dropout": Words("dropout", "dropout"),
    "L2": Words("L2", "L2"),
    "DropConnect": Words("DropConnect", "DropConnect"),
    "early stopping": Words("early stopping", "parada antecipada"),
    "stochastic depth": Words("stochastic depth", "profundidade estocástica"),
    "pre-training": Words("pre-trained CNN", "CNN pré-treinada"),
    "ensemble": Words("ensemble", "ensemble"),
    "activation penalties": Words("penalties on activations", "penalidades nas ativações"),
    "weight tying": Words("tied weights", "pesos atados"),
    "averaged SGD": Words("averaged SGD", "SGD com média"),
}


@dataclass(frozen=True)
class Recipe:
    """What the text lists for a paper, and what the paper reports."""

    name: str
    listed: frozenset[str]
    reported: frozenset[str]

    @property
    def unsupported(self) -> frozenset[str]:
        """Listed, but not found in the paper."""
        return self.listed - self.reported

    @property
    def omitted(self) -> frozenset[str]:
        """Reported by the paper, but not listed."""
        return self.reported - self.listed


RECIPES = (
    # Tan and Le (2019), section 5.2.
    Recipe("EfficientNet", frozenset({"augmentation", "batch norm", "dropout", "L2"}),
           frozenset({"augmentation", "batch norm", "dropout", "L2", "stochastic depth"})),
    # Huang et al. (2017), section 4.2: dropout on the sets without augmentation only.
    Recipe("DenseNet", frozenset({"augmentation", "batch norm", "dropout", "L2"}),
           frozenset({"augmentation", "batch norm", "dropout", "L2"})),
    # Vinyals et al. (2015), section 4.3.1; batch norm came with the CNN of the later version.
    Recipe("Show and Tell", frozenset({"augmentation", "dropout", "L2", "early stopping"}),
           frozenset({"dropout", "pre-training", "ensemble"})),
    # Merity, Keskar and Socher (2017), sections 2 to 5.
    Recipe("AWD-LSTM", frozenset({"dropout", "L2", "DropConnect"}),
           frozenset({"dropout", "L2", "DropConnect", "activation penalties", "weight tying",
                      "averaged SGD"})),
)  # fmt: skip
TOGETHER = {"DenseNet": False}
"""Of lists that agree: whether the paper uses all of the list at once."""

_PLACES = ("words", "inputs", "between", "outputs")
SWITCHES: dict[str, dict[str, tuple[tuple[Callable[..., object], str], ...]]] = {
    "EfficientNet": {
        "batch norm": ((EfficientNet, "norm"),),
        "dropout": ((EfficientNet, "dropout"),),
        "stochastic depth": ((EfficientNet, "stochastic_depth"),),
    },
    "DenseNet": {"batch norm": ((DenseNet, "norm"),), "dropout": ((DenseNet, "dropout"),)},
    "Show and Tell": {
        "dropout": ((ShowAndTell, "drop_inputs"), (ShowAndTell, "drop_outputs")),
        "pre-training": ((ShowAndTell, "encoder"), (load_weights, "path")),
        "ensemble": ((describe, "models"),),
    },
    "AWD-LSTM": {
        "dropout": tuple((LanguageRegularisers, place) for place in _PLACES),
        "DropConnect": ((LanguageRegularisers, "weights"),),
        "activation penalties": ((LanguageRegularisers, "activation"), (LanguageRegularisers, "temporal")),
        "weight tying": ((AWDLSTM, "tied"),),
        "averaged SGD": ((NTASGD, "optimiser"),),
    },
}
"""Where `profunda` turns on and off what a paper reports; augmentation and L2 are the training loop's."""


def judged(recipes: tuple[Recipe, ...], together: dict[str, bool]) -> Verdict:
    """ "holds" where all lists are the papers' own, "wrong" where none has a supported entry."""
    if all(not one.unsupported and not one.omitted and together.get(one.name, True) for one in recipes):
        return "holds"
    return "holds with conditions" if any(one.listed & one.reported for one in recipes) else "wrong"


def measure(quick: bool) -> Outcome:
    """Compare sets."""
    del quick  # nothing is trained
    listed = sum(len(one.listed) for one in RECIPES)
    backed = sum(len(one.listed & one.reported) for one in RECIPES)
    omitted = sum(len(one.omitted) for one in RECIPES)
    verdict = judged(RECIPES, TOGETHER)
    return Outcome(
        headline=said("listed regularisers found in the papers, of {0}",
                      "regularizadores listados achados nos artigos, de {0}", listed),
        predicted=float(listed),
        value=float(backed),
        interval=(float(backed), float(backed)),
        measured=said(
            "Of {0} entries {1} are in the papers; {2} others that the papers report are missing. Not "
            "found: L2, augmentation and early stopping for Show and Tell. DenseNet uses dropout only on "
            "the sets without augmentation. In Profunda they are switched by {3}.",
            "De {0} itens {1} estão nos artigos; faltam {2} outros que os artigos relatam. Não achados: L2, "
            "aumento de dados e parada antecipada para Show and Tell. DenseNet só usa dropout nos conjuntos "
            "sem aumento de dados. No Profunda são ligados e desligados por {3}.",
            listed, backed, omitted, _switches(),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("The lists are those of the papers.", "As listas são as dos artigos."),
            Words(
                "Modern recipes do combine several regularisers. But EfficientNet adds stochastic depth; "
                "DenseNet never has dropout and augmentation at once; Show and Tell relies on a pre-trained "
                "CNN, dropout and ensembles; AWD-LSTM adds penalties on activations, tied weights, averaged "
                "SGD and further places for dropout. Nothing was trained here: this compares lists.",
                "Receitas modernas de fato combinam vários regularizadores. Mas EfficientNet acrescenta "
                "profundidade estocástica; DenseNet nunca tem dropout e aumento de dados ao mesmo tempo; "
                "Show and Tell apoia-se em CNN pré-treinada, dropout e ensembles; AWD-LSTM acrescenta "
                "penalidades nas ativações, pesos atados, SGD com média e outros lugares para o dropout. "
                "Nada foi treinado aqui: comparam-se listas.",
            ),
            Words("None of the lists is supported by its paper.",
                  "Nenhuma das listas é apoiada pelo artigo."),
        ),
        pictures=(_table(),),
    )  # fmt: skip


def _switches() -> str:
    """ "EfficientNet(norm, dropout, …); …", each name once."""
    names: dict[str, dict[str, None]] = {}
    for one in SWITCHES.values():
        for made, word in (place for places in one.values() for place in places):
            names.setdefault(made.__name__, {})[word] = None
    return "; ".join(f"{name}({', '.join(words)})" for name, words in names.items())


def _table() -> Plot:
    """One point where the text or the paper has a regulariser, coloured by which of them has."""
    keys = list(_NAMES)
    kinds: tuple[tuple[Words, Role, list[frozenset[str]]], ...] = (
        (Words("text and paper", "texto e artigo"), "good", [one.listed & one.reported for one in RECIPES]),
        (Words("paper only", "só o artigo"), "measured", [one.omitted for one in RECIPES]),
        (Words("text only", "só o texto"), "bad", [one.unsupported for one in RECIPES]),
    )
    lines = []
    for name, role, found in kinds:
        points = [(place, keys.index(key)) for place, each in enumerate(found) for key in keys if key in each]
        lines.append(series(name, [x for x, _ in points], [y for _, y in points], role, "points"))
    return Plot(
        Words("Text and papers, regulariser by regulariser", "Texto e artigos, item por item"),
        Words(
            "Who names which regulariser; no point: neither does.",
            "Quem nomeia cada regularizador; sem ponto: nenhum dos dois.",
        ),
        Axis(Words("recipe", "receita"), names=tuple(Words(one.name, one.name) for one in RECIPES)),
        Axis(Words("regulariser", "regularizador"), names=tuple(_NAMES.values())),
        tuple(lines),
    )


EXPERIMENT = Experiment(
    title=Words("What published recipes combine", "O que receitas publicadas combinam"),
    claim=Words(
        "EfficientNet: augmentation, batch norm, dropout, L2. DenseNet: the same. Show and Tell: early "
        "stopping, dropout, L2, augmentation. AWD-LSTM: dropout, L2, DropConnect.",
        "EfficientNet: aumento de dados, batch norm, dropout, L2. DenseNet: os mesmos. Show and Tell: parada "
        "antecipada, dropout, L2, aumento de dados. AWD-LSTM: dropout, L2, DropConnect.",
    ),
    source=Words("“Técnicas de regularização”, examples of combinations",
                 "“Técnicas de regularização”, exemplos de combinações"),
    prediction=Words(
        "Every entry stands in its paper: Tan and Le (2019), Huang et al. (2017), Vinyals et al. (2015), "
        "Merity et al. (2017), and nothing important is missing.",
        "Cada item consta do seu artigo: Tan e Le (2019), Huang et al. (2017), Vinyals et al. (2015), "
        "Merity et al. (2017), e nada importante falta.",
    ),
    measure=measure,
    errata=("E15",),
    rows=("R9",),
)  # fmt: skip
