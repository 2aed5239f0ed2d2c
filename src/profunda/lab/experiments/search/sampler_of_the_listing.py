"""What Optuna does when the second listing runs: which sampler, how it begins, which names are deprecated."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said

_TRIALS, _RANDOM = 20, 10


@dataclass(frozen=True)
class Facts:
    """The default sampler's class, how many first trials it draws at random, and the deprecated calls."""

    sampler: str
    first_learnt: int
    deprecated: int
    version: str


def verdict(facts: Facts) -> Verdict:
    """ "holds" for a Gaussian process, "wrong" where no trial depends on earlier scores."""
    if facts.first_learnt > _TRIALS:
        return "wrong"
    return "holds" if facts.sampler == "GPSampler" else "holds with conditions"


def _bowl(places: np.ndarray) -> np.ndarray:
    """A loss of places [..., 2] with its least value 0 at (0.7, 0.2)."""
    return ((places - np.array([0.7, 0.2])) ** 2).sum(axis=-1)


def _drawn(seed: int, sign: float) -> np.ndarray:
    """The places [20, 2] that the default search tries with this seed, where the loss is ±the bowl."""
    import optuna

    default: Callable[..., optuna.samplers.BaseSampler] = type(optuna.create_study().sampler)
    study = optuna.create_study(sampler=default(seed=seed))
    found = []
    for _ in range(_TRIALS):
        trial = study.ask()
        place = trial.suggest_float("x", 0.0, 1.0), trial.suggest_float("y", 0.0, 1.0)
        found.append(place)
        study.tell(trial, sign * float(_bowl(np.array(place))))
    return np.array(found)


def _facts() -> Facts:
    """Asked of the installed Optuna: the first trial whose place depends on what earlier ones scored."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    trial = study.ask()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        trial.suggest_loguniform("learning_rate", 1e-4, 1e-2)
        trial.suggest_uniform("dropout_rate", 0.1, 0.5)
    old = sum("deprecated" in str(each.message) for each in heard)
    upright, upside_down = _drawn(0, 1.0), _drawn(0, -1.0)
    differ = np.flatnonzero((upright != upside_down).any(axis=1))
    first = int(differ[0]) + 1 if len(differ) else _TRIALS + 1
    return Facts(type(study.sampler).__name__, first, old, optuna.__version__)


def measure(quick: bool) -> Outcome:
    """Ask Optuna, then let its default search a bowl from several seeds."""
    facts = _facts()
    runs = np.array([_drawn(seed, 1.0) for seed in range(8 if quick else 40)])
    losses = _bowl(runs)
    mean = losses.mean(axis=0)
    error = 1.96 * losses.std(axis=0, ddof=1) / np.sqrt(len(losses))
    random, learnt = float(mean[:_RANDOM].mean()), float(mean[_RANDOM:].mean())
    chance = 2 / 12 + 0.2**2 + 0.3**2  # E (x − 0.7)² + (y − 0.2)² for uniform x, y
    return Outcome(
        headline=Words(
            "first trial of the listing's search that depends on earlier scores",
            "primeiro teste da busca do código que depende de notas anteriores",
        ),
        predicted=float(_RANDOM + 1),
        value=float(facts.first_learnt),
        interval=(float(_RANDOM + 1), float(_RANDOM + 1)),
        measured=said(
            "Optuna {0}: create_study() takes a {1}; trial {2} is the first that heeds scores; {3} of "
            "the 2 old names warn that they are deprecated. On a bowl the mean loss of trials 1–10 is "
            "{4} (chance: {5}), of 11–20 {6}.",
            "Optuna {0}: create_study() usa um {1}; o teste {2} é o primeiro que considera notas; {3} "
            "dos 2 nomes antigos avisam que são obsoletos. Numa tigela a perda média dos testes 1–10 é "
            "{4} (acaso: {5}), dos 11–20, {6}.",
            facts.version, facts.sampler, facts.first_learnt, facts.deprecated, random, chance, learnt,
        ),
        verdict=verdict(facts),
        statement=Words(
            "The listing does model the objective, but by no Gaussian process: Optuna's default is TPE, "
            "which compares densities of good and bad trials. It draws its first ten at random, so that "
            "half of the twenty trials are random search. Name the sampler (in Profunda sampler=\"gp\", "
            "\"tpe\" or \"batch\") and "
            "write suggest_float(…, log=True) for the old names.",
            "O código modela, sim, o objetivo, mas não com um processo gaussiano: o padrão do Optuna é o "
            "TPE, que compara densidades de testes bons e ruins. Ele sorteia os dez primeiros, de modo que "
            "metade dos vinte é busca aleatória. Nomeie o amostrador (no Profunda sampler=\"gp\", \"tpe\" "
            "ou \"batch\") e escreva "
            "suggest_float(…, log=True) no lugar dos nomes antigos.",
        ),
        pictures=(_by_trial(mean, error, chance),),
    )  # fmt: skip


def _by_trial(mean: np.ndarray, error: np.ndarray, chance: float) -> Plot:
    trials = np.arange(1, _TRIALS + 1)
    return Plot(
        Words("Loss of each trial of twenty", "Perda de cada um de vinte testes"),
        Words(
            "Mean over searches of a bowl by Optuna's default; band 95 %. Until trial 10 it draws at "
            "random.",
            "Média sobre buscas numa tigela pelo padrão do Optuna; faixa 95 %. Até o teste 10 sorteia ao "
            "acaso.",
        ),
        Axis(Words("trial", "teste")),
        Axis(Words("loss of the trial", "perda do teste")),
        (
            series(Words("default sampler", "amostrador padrão"), trials, mean, "measured", "both",
                   (mean - error, mean + error)),
            series(Words("chance, theory", "acaso, teoria"), trials, np.full(_TRIALS, chance), "theory"),
        ),
        marks=(Mark(Words("learns from here", "aprende daqui em diante"), x=_RANDOM + 0.5),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Which sampler does the listing use?", "Que amostrador o código usa?"),
    claim=Words(
        "Bayesian optimisation models the objective, often with a Gaussian process, after some random "
        "trials; the listing shows it in 20.",
        "A otimização bayesiana modela o objetivo, muitas vezes com um processo gaussiano, após alguns "
        "testes ao acaso; o código a mostra em 20.",
    ),
    source=Words(
        "“Teoria de Deep Learning”, sections 6.1, 6.3 and 7",
        "“Teoria de Deep Learning”, seções 6.1, 6.3 e 7",
    ),
    prediction=Words(
        "The default of create_study is a tree of Parzen estimators (Bergstra et al. 2011) with ten "
        "random trials before it, so trial 11 is the first to heed scores. suggest_loguniform and "
        "suggest_uniform still work, with a warning: deprecated since Optuna 3.0.",
        "O padrão de create_study é uma árvore de estimadores de Parzen (Bergstra et al. 2011) com dez "
        "testes ao acaso antes, logo o teste 11 é o primeiro que considera notas. suggest_loguniform e "
        "suggest_uniform ainda funcionam, com aviso: obsoletos desde o Optuna 3.0.",
    ),
    measure=measure,
    errata=("E21",),
    rows=("S6", "S7"),
)
