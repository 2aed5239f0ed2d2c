"""L2 makes the normal equations of correlated inputs solvable; it does not take the correlation away."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import told
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import condition_number, ridge

_ROWS, _INPUTS = 60, 6
_TOLERANCE = 0.02
_STRENGTHS = np.geomspace(1e-6, 1e4, 41)


def _problem(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Five inputs and a sixth that is the first but for one part in a thousand; targets; the truth."""
    x = random.standard_normal((_ROWS, _INPUTS))
    x[:, -1] = x[:, 0] + 1e-3 * random.standard_normal(_ROWS)
    truth = np.array([1.0, -1.0, 0.5, 0.0, 2.0, 0.0])
    return x, x @ truth + 0.5 * random.standard_normal(_ROWS), truth


def judged(before: float, after: float, apart: float, steadier: float) -> Verdict:
    """By the condition numbers without λ and with λ = 1, theory's error of them, and the spread's factor."""
    if apart > _TOLERANCE or after > before / 1e3:
        return "wrong"
    return "holds" if steadier > 10.0 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Condition numbers and weights over samples."""
    samples = 40 if quick else 200
    random = np.random.default_rng(0)
    drawn = [_problem(random) for _ in range(samples)]
    twin = drawn[0][0].copy()
    twin[:, -1] = twin[:, 0]
    before = float(np.linalg.cond(twin.T @ twin))
    gram = twin.T @ twin
    measured = np.array([np.linalg.cond(gram + s * np.eye(_INPUTS)) for s in _STRENGTHS])
    theory = np.array([condition_number(twin, float(s)) for s in _STRENGTHS])
    # Below 1e-3 the measured one is at the mercy of rounding: the smallest eigenvalue is λ itself.
    apart = float(np.abs(measured / theory - 1.0)[_STRENGTHS > 1e-3].max())
    after = float(np.linalg.cond(gram + np.eye(_INPUTS)))
    weights = np.array([[ridge(x, y, s, "rss") for s in (0.0, *_STRENGTHS)] for x, y, _ in drawn])
    truth = drawn[0][2]
    inner = np.sqrt(((weights - truth) ** 2)[..., 1:-1].sum(-1).mean(0))
    spread = weights[..., -1].std(0)
    at_one = 1 + int(np.abs(np.log(_STRENGTHS)).argmin())
    total = (weights[:, :, 0] + weights[:, :, -1]).std(0)
    verdict = judged(before, after, apart, float(spread[0] / spread[at_one]))
    return Outcome(
        headline=Words(
            "condition number of XᵀX + I with a doubled column", "número de condição de XᵀX + I, coluna "
                                                                 "duplicada"
        ),
        predicted=condition_number(twin, 1.0),
        value=after,
        interval=((1 - _TOLERANCE) * after, (1 + _TOLERANCE) * after),
        measured=said(
            "A doubled column: condition {0} without a penalty, {1} at λ = 1, where theory differs by less "
            "than {2}. With a nearly doubled one the weight varies by {3} from sample to sample without, by "
            "{4} with λ = 1; the sum of both weights by {5} and {6}.",
            "Coluna duplicada: condição {0} sem penalidade, {1} com λ = 1, onde a teoria difere menos de "
            "{2}. Com uma quase duplicada o peso varia {3} de amostra a amostra sem, {4} com λ = 1; a soma "
            "dos dois pesos {5} e {6}.",
            before, after, max(apart, 1e-12), float(spread[0]), float(spread[at_one]), float(total[0]),
            float(total[at_one]),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words(
                "L2 makes the solution unique and steady: it splits the weight among alike inputs. It does "
                "not remove the correlation: whose effect it is remains unknown; only their sum was ever "
                "known, and the penalty hardly changes that.",
                "L2 torna a solução única e estável: reparte o peso entre entradas parecidas. Não remove a "
                "correlação: de quem é o efeito segue desconhecido; só a soma era conhecida, e a penalidade "
                "quase não a muda.",
            ),
            Words("The equations become solvable, but the weights hardly steadier.",
                  "As equações ficam solúveis, mas os pesos quase não mais estáveis."),
            Words("The condition number does not fall as theory says.",
                  "O número de condição não cai como diz a teoria."),
        ),
        pictures=(
            Plot(
                Words("Condition number by λ", "Número de condição por λ"),
                Words("Inputs of which one stands twice: XᵀX has no inverse at λ = 0.",
                      "Entradas com uma repetida: XᵀX não tem inversa em λ = 0."),
                Axis(Words("λ beside RSS", "λ junto de RSS"), log=True),
                Axis(Words("condition of XᵀX + λI", "condição de XᵀX + λI"), log=True),
                (series(Words("measured", "medido"), _STRENGTHS, measured, kind="points"),
                 series(Words("(σ₁² + λ)/(σ_D² + λ)", "(σ₁² + λ)/(σ_D² + λ)"), _STRENGTHS, theory, "theory")),
            ),
            Plot(
                Words("Weights over samples, by λ", "Pesos sobre amostras, por λ"),
                Words("Standard deviation over samples of one of two alike weights and of their sum, and the "
                      "error of the other weights.",
                      "Desvio-padrão sobre amostras de um de dois pesos parecidos e da sua soma, e erro dos "
                      "outros pesos."),
                Axis(Words("λ beside RSS", "λ junto de RSS"), log=True),
                Axis(Words("size", "tamanho"), log=True),
                (series(Words("one of the twins", "um dos gêmeos"), _STRENGTHS, spread[1:], "bad"),
                 series(Words("their sum", "a soma deles"), _STRENGTHS, total[1:], "good"),
                 series(Words("error of the others", "erro dos outros"), _STRENGTHS, inner[1:], "second")),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Correlated inputs under L2", "Entradas correlacionadas com L2"),
    claim=Words(
        "L2 contributes to numerical stability when inputs are highly correlated: XᵀX + λI can be inverted.",
        "L2 contribui para a estabilidade numérica com entradas muito correlacionadas: XᵀX + λI é "
        "inversível.",
    ),
    source=Words(
        "“Técnicas de regularização”, L2: removal of multicollinearity",
        "“Técnicas de regularização”, L2: remoção de multicolinearidade",
    ),
    prediction=Words(
        "The condition number is (σ₁² + λ)/(σ_D² + λ) (Hoerl and Kennard 1970): finite for every λ > 0.",
        "O número de condição é (σ₁² + λ)/(σ_D² + λ) (Hoerl e Kennard 1970): finito para todo λ > 0.",
    ),
    measure=measure,
    rows=("R2",),
)
