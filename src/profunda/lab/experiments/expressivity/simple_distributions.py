"""Are the data of interest simple? The order of the target and the dimensions of the inputs, measured."""

from dataclasses import dataclass

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.expressivity._tables import Table, real_tables
from profunda.lab.pictures import Axis, Mark, Plot, Role, Series, series
from profunda.lab.words import Words, said
from profunda.theory import IntrinsicDimension, intrinsic_dimension, polynomial_order_fit

_DEGREES = (1, 2, 3, 4, 5)
_LOW = 2  # a low order: all squares and products of two columns
_MOST = 0.9  # of what the best of all models explains


@dataclass(frozen=True)
class Simplicity:
    """A table's explained variance by degree and by a forest; its dimension, and that of shuffled columns."""

    name: Words
    shares: tuple[float, ...]
    forest: float
    dimension: IntrinsicDimension
    shuffled: IntrinsicDimension

    @property
    def low_order(self) -> float:
        """What degree 2 explains, as a part of what the best model does."""
        return self.shares[_DEGREES.index(_LOW)] / max(*self.shares, self.forest)

    @property
    def fewer_dimensions(self) -> bool:
        """Whether the columns fill fewer dimensions than they would if independent, beyond doubt."""
        error = np.hypot(self.dimension.standard_error, self.shuffled.standard_error)
        return self.dimension.two_nn + 1.96 * float(error) < self.shuffled.two_nn


def _looked_at(table: Table, trees: int) -> Simplicity:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold, cross_val_predict

    target = table.y if table.y.shape[1] > 1 else table.y[:, 0]
    fitted = cross_val_predict(
        RandomForestRegressor(trees, random_state=0),
        table.x,
        target,
        cv=KFold(5, shuffle=True, random_state=0),
    )
    left = ((fitted.reshape(table.y.shape) - table.y) ** 2).sum()
    random = np.random.default_rng(0)
    return Simplicity(
        table.name,
        tuple(each.share for each in polynomial_order_fit(table.x, table.y, _DEGREES)),
        1.0 - float(left / ((table.y - table.y.mean(axis=0)) ** 2).sum()),
        intrinsic_dimension(table.x),
        intrinsic_dimension(np.stack([random.permutation(column) for column in table.x.T], axis=1)),
    )


def verdict(low_order: list[float], fewer: list[bool]) -> Verdict:
    """For each table: the part that degree 2 explains, and whether its inputs fill fewer dimensions.

    Never more than "with conditions": a few tables do not speak for most data, nor for the laws of physics.
    """
    simple = [share >= _MOST and dimension for share, dimension in zip(low_order, fewer, strict=True)]
    return "holds with conditions" if sum(simple) * 2 >= len(simple) else "wrong"


def measure(quick: bool) -> Outcome:
    """Polynomials, a forest and neighbours' distances on five real tables."""
    found = [_looked_at(table, 15 if quick else 40) for table in real_tables(250 if quick else 400)]
    parts = [each.low_order for each in found]
    fewer = [each.fewer_dimensions for each in found]
    names = tuple(each.name for each in found)
    return Outcome(
        headline=Words(
            "degree 2 ÷ best model, explained variance", "grau 2 ÷ melhor modelo, variância explicada"
        ),
        predicted=None,
        value=float(np.mean(parts)),
        interval=(min(parts), max(parts)),
        measured=said(
            "Polynomials of degree 2 explain {0} to {1} of what the best of forests and degrees to 5 "
            "explains, over {2} tables. {3} of them fill clearly fewer dimensions than with independent "
            "columns: digits {4} of {5} columns, concrete {6} of {7}.",
            "Polinômios de grau 2 explicam {0} a {1} do que explica o melhor entre florestas e graus até 5, "
            "em {2} tabelas. {3} delas ocupam claramente menos dimensões do que com colunas independentes: "
            "dígitos {4} de {5} colunas, concreto {6} de {7}.",
            min(parts), max(parts), len(found), sum(fewer), found[-1].dimension.two_nn,
            found[-1].dimension.ambient, found[2].dimension.two_nn, found[2].dimension.ambient,
        ),
        verdict=verdict(parts, fewer),
        statement=said(
            "On {0} of {1} tables squares and products of two columns explain nine tenths of what any "
            "model tried explains; on {2} the inputs fill fewer dimensions than independent columns would. "
            "That is simplicity in two senses that can be measured. But five small, tame tables do not "
            "speak for most data, and that physics is the reason is not tested here.",
            "Em {0} de {1} tabelas quadrados e produtos de duas colunas explicam nove décimos do que "
            "explica qualquer modelo testado; em {2} as entradas ocupam menos dimensões do que colunas "
            "independentes. É simplicidade em dois sentidos que se podem medir. Mas cinco tabelas pequenas "
            "e bem-comportadas não falam pela maioria dos dados, e que a razão seja física não se testa "
            "aqui.",
            sum(part >= _MOST for part in parts), len(found), sum(fewer),
        ),
        pictures=(_orders(found), _dimensions(found, names)),
    )  # fmt: skip


def _orders(found: list[Simplicity]) -> Plot:
    roles: tuple[Role, ...] = ("measured", "second", "good", "bad", "rest")
    names = tuple(Words(str(degree), str(degree)) for degree in _DEGREES)
    return Plot(
        Words("Explained variance by degree", "Variância explicada por grau"),
        Words(
            "On rows left out, as a part of the best model's, a forest included (1).",
            "Em linhas deixadas de fora, como parte da do melhor modelo, floresta incluída (1).",
        ),
        Axis(Words("degree of the polynomial", "grau do polinômio"), names=names),
        Axis(Words("part of the best", "parte do melhor"), range=(0.6, 1.05)),
        tuple(
            series(
                each.name,
                range(len(_DEGREES)),
                np.array(each.shares) / max(*each.shares, each.forest),
                role,
                "both",
            )
            for each, role in zip(found, roles, strict=True)
        ),
        marks=(Mark(Words("nine tenths", "nove décimos"), y=_MOST),),
    )


def _dimensions(found: list[Simplicity], names: tuple[Words, ...]) -> Plot:
    def bars(values: list[IntrinsicDimension], name: Words, role: Role) -> Series:
        middle = np.array([each.two_nn for each in values])
        error = 1.96 * np.array([each.standard_error for each in values])
        return series(name, range(len(values)), middle, role, "bars", (middle - error, middle + error))

    return Plot(
        Words("Dimensions that the rows fill", "Dimensões que as linhas ocupam"),
        Words(
            "From distances to the two nearest rows; shuffled: the same columns, made independent.",
            "Pelas distâncias às duas linhas mais próximas; embaralhadas: as mesmas colunas, independentes.",
        ),
        Axis(Words("table", "tabela"), names=names),
        Axis(Words("dimension", "dimensão")),
        (
            bars([each.dimension for each in found], Words("as they are", "como são"), "measured"),
            bars([each.shuffled for each in found], Words("shuffled", "embaralhadas"), "rest"),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Are real data simple?", "Os dados reais são simples?"),
    claim=Words(
        "The reason is also physical: the laws suggest that most data sets of interest come from simple "
        "distributions.",
        "A razão também é física: as leis sugerem que os conjuntos de dados de interesse são, em sua "
        "maioria, advindos de distribuições simples.",
    ),
    source=Words(
        "“O poder da aprendizagem profunda”, why relatively simple networks suffice",
        "“O poder da aprendizagem profunda”, por que redes relativamente simples bastam",
    ),
    prediction=Words(
        "If data are simple in the sense of Lin, Tegmark and Rolnick (2017), low orders explain most: at "
        "least 90 % of the best with degree 2; and inputs fill fewer dimensions than independent columns "
        "would (two nearest neighbours, Facco et al. 2017).",
        "Se os dados são simples no sentido de Lin, Tegmark e Rolnick (2017), ordens baixas explicam quase "
        "tudo: ao menos 90 % do melhor com grau 2; e as entradas ocupam menos dimensões do que colunas "
        "independentes (dois vizinhos mais próximos, Facco et al. 2017).",
    ),
    measure=measure,
    rows=("U7",),
)
