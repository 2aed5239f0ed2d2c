"""The product of n numbers: four units a number in a deep network, 2ⁿ units in a flat one."""

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import ProductError, best_product, flat_product, product_tree

_UNITS = "sigmoid"
_POWERS = (2, 4, 8, 16, 32)  # numbers for which the tree has no waiting units


def verdict(trees: list[ProductError], flats: list[ProductError]) -> Verdict:
    """Trees of at most 6n units within 10⁻⁷ of the product for every n, flat networks of 2ⁿ units.

    4(n − 1) units at powers of two; a number that waits costs two more at each level. A flat network as exact
    as the tree beyond three numbers would put the advantage down to size alone.
    """
    small = all(tree.neurons <= 6 * tree.inputs and tree.error < 1e-7 * tree.inputs for tree in trees)
    large = all(flat.neurons == 2**flat.inputs for flat in flats)
    if not (small and large):
        return "wrong"
    nearer = all(flat.error > 1e-7 * flat.inputs for flat in flats if flat.inputs > 3)
    return "holds" if nearer else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Both constructions for n = 2 to 10 (tree to 32) at the best of 27 λ's, in float64."""
    few = (2, 3, 4, 6) if quick else (2, 3, 4, 6, 8, 10)
    many = (2, 3, 4, 6, 8, 16) if quick else (2, 3, 4, 6, 8, 10, 16, 32)
    points = 300
    flats = [best_product("flat", n, _UNITS, points=points) for n in few]
    trees = [best_product("tree", n, _UNITS, points=points) for n in many]
    last = few[-1]
    tree = next(each for each in trees if each.inputs == last)
    return Outcome(
        headline=said(
            "units of the flat network ÷ of the tree, n = {0}",
            "unidades da rede plana ÷ da árvore, n = {0}",
            last,
        ),
        predicted=flat_product(last, _UNITS).neurons / product_tree(last, _UNITS).neurons,
        value=flats[-1].neurons / tree.neurons,
        interval=(flats[-1].neurons / tree.neurons, flats[-1].neurons / tree.neurons),
        measured=said(
            "For n = {0} the tree has {1} units in {2} layers and an error of {3}, the flat network {4} "
            "units in one layer and at best {5}. The tree for n = {6} has {7} units and an error of {8}.",
            "Para n = {0} a árvore tem {1} unidades em {2} camadas e erro de {3}, a rede plana {4} unidades "
            "numa camada e no melhor caso {5}. A árvore para n = {6} tem {7} unidades e erro de {8}.",
            last, tree.neurons, tree.hidden_layers, tree.error, flats[-1].neurons, flats[-1].error,
            trees[-1].inputs, trees[-1].neurons, trees[-1].error,
        ),
        verdict=verdict(trees, flats),
        statement=Words(
            "Depth takes the explosion away: about 4n units in log₂ n layers against 2ⁿ in one. That no "
            "smaller flat network comes arbitrarily near is a theorem of the cited paper, not measured "
            "here. And size is not all: the flat sum divides by λⁿ, so rounding spoils it long before 2ⁿ "
            "units are too many.",
            "A profundidade desfaz a explosão: cerca de 4n unidades em log₂ n camadas contra 2ⁿ em uma. Que "
            "nenhuma rede plana menor chegue arbitrariamente perto é um teorema do artigo citado, não "
            "medido aqui. E tamanho não é tudo: a soma plana divide por λⁿ, e o arredondamento a estraga "
            "bem antes de 2ⁿ unidades serem demais.",
        ),
        pictures=(_units(flats, trees), _least_errors(flats, trees)),
    )  # fmt: skip


def _units(flats: list[ProductError], trees: list[ProductError]) -> Plot:
    return Plot(
        Words(
            "Hidden units for a product of n numbers",
            "Unidades ocultas para um produto de n números",
        ),
        Words("Counted on the networks that were built.", "Contadas nas redes construídas."),
        Axis(Words("numbers in the product n", "números no produto n"), log=True),
        Axis(Words("hidden units", "unidades ocultas"), log=True),
        (
            series(
                Words(
                    "flat: 2ⁿ",
                    "plana: 2ⁿ",
                ),
                [each.inputs for each in flats],
                [each.neurons for each in flats],
                "bad",
                "both",
            ),
            series(
                Words("tree", "árvore"),
                [each.inputs for each in trees],
                [each.neurons for each in trees],
                "good",
                "both",
            ),
            series(Words("4(n − 1)", "4(n − 1)"), _POWERS, [4 * (n - 1) for n in _POWERS], "theory"),
        ),
    )


def _least_errors(flats: list[ProductError], trees: list[ProductError]) -> Plot:
    return Plot(
        Words("Least error in float64", "Menor erro em float64"),
        Words(
            "Sigmoid units on [−1, 1]ⁿ, corners included, at the best λ of each network.",
            "Unidades sigmoide em [−1, 1]ⁿ, cantos incluídos, no melhor λ de cada rede.",
        ),
        Axis(Words("numbers in the product n", "números no produto n"), log=True),
        Axis(Words("largest error", "maior erro"), log=True),
        (
            series(
                Words("flat", "plana"),
                [each.inputs for each in flats],
                [each.error for each in flats],
                "bad",
                "both",
            ),
            series(
                Words("tree", "árvore"),
                [each.inputs for each in trees],
                [each.error for each in trees],
                "good",
                "both",
            ),
        ),
    )


EXPERIMENT = Experiment(
    title=Words(
        "Multiplying many numbers, deep or flat", "Multiplicar muitos números: rede profunda ou plana"
    ),
    claim=Words(
        "Networks cut down the combinatorial explosion drastically: a product of n numbers takes 2ⁿ units "
        "in one hidden layer, but only about 4n in a deep network.",
        "As redes diminuem drasticamente a explosão combinatória: um produto de n números exige 2ⁿ unidades "
        "em uma camada oculta, mas só cerca de 4n em uma rede profunda.",
    ),
    source=Words(
        "“O poder da aprendizagem profunda”, on the explosion; the counts are those of the paper that it "
        "presents (Lin, Tegmark and Rolnick 2017)",
        "“O poder da aprendizagem profunda”, sobre a explosão; as contagens são do artigo que ele apresenta "
        "(Lin, Tegmark e Rolnick 2017)",
    ),
    prediction=Words(
        "A tree of gates has 4(n − 1) units in ⌈log₂ n⌉ layers for n = 2, 4, 8, … (else some more, which "
        "hand a number on to the next layer), with an error of n − 1 gates; the flat sum over all signs "
        "has 2ⁿ (Lin, Tegmark and Rolnick 2017; Rolnick and Tegmark 2018).",
        "Uma árvore de portas tem 4(n − 1) unidades em ⌈log₂ n⌉ camadas se n = 2, 4, 8, … (senão algumas a "
        "mais, que passam um número à camada seguinte), com o erro de n − 1 portas; a soma plana sobre "
        "todos os sinais tem 2ⁿ (Lin, Tegmark e Rolnick 2017; Rolnick e Tegmark 2018).",
    ),
    measure=measure,
    rows=("U6", "U7"),
)
