"""Where a quadratic loss touches the region that a penalty allows: at a corner, or beside every axis."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import told
from profunda.lab.pictures import Axis, Plot, Series, Slider, series
from profunda.lab.words import Words, said
from profunda.theory import elastic_net

_SAME = 1e-6
"""A minimum's place is told to about the root of a rounding error, 1e-8, by looking at losses."""
_CORNER = 1e-9
_CORNERS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])


@dataclass(frozen=True)
class Region:
    """What is allowed: every point of {w: l1·‖w‖₁ + l2·‖w‖² ≤ 1}, or of ‖w‖_p ≤ 1 where `p` is given."""

    l1: float = 0.0
    l2: float = 0.0
    p: float | None = None

    def value(self, w: np.ndarray) -> np.ndarray:
        """The penalty of w [..., 2], 1 on the border."""
        if self.p is not None:
            return (np.abs(w) ** self.p).sum(-1)
        return self.l1 * np.abs(w).sum(-1) + self.l2 * (w * w).sum(-1)

    def border(self, angle: np.ndarray) -> np.ndarray:
        """Points [..., 2] of the border in these directions."""
        way = np.stack([np.cos(angle), np.sin(angle)], -1)
        way[np.abs(way) < 1e-15] = 0.0  # cos(π/2) is an axis
        if self.p is not None:
            return way / self.value(way)[..., None] ** (1.0 / self.p)
        first = self.l1 * np.abs(way).sum(-1)
        # The positive root of l2·s² + first·s = 1, in the form that l2 = 0 leaves finite.
        return way * (2.0 / (first + np.sqrt(first**2 + 4.0 * self.l2)))[..., None]

    @property
    def cone(self) -> float:
        """Largest |g₂ ÷ g₁| of a loss whose minimum is the corner on the first axis; of convex regions."""
        if self.p is not None:
            return 1.0 if self.p == 1.0 else 0.0
        corner = float(self.border(np.zeros(1))[0, 0])
        return self.l1 / (self.l1 + 2.0 * self.l2 * corner)


L1, L2, BOTH, CUSPS = Region(l1=1.0), Region(l2=1.0), Region(0.5, 0.5), Region(p=0.5)


@dataclass(frozen=True)
class Problems:
    """K losses ½(w − a)ᵀQ(w − a): their Q [K, 2, 2] and their minima a [K, 2]."""

    q: np.ndarray
    a: np.ndarray

    def loss(self, w: np.ndarray) -> np.ndarray:
        """Of points w [..., K, 2]."""
        off = w - self.a
        return 0.5 * np.einsum("...ki,kij,...kj->...k", off, self.q, off)

    def outside(self, region: Region) -> "Problems":
        """Those whose minimum is not allowed."""
        kept = region.value(self.a) > 1.0
        return Problems(self.q[kept], self.a[kept])


def drawn(count: int, correlated: bool, seed: int) -> Problems:
    """Minima from N(0, I); inputs of variance 1, with correlations from −0.9 to 0.9 or none."""
    random = np.random.default_rng(seed)
    rho = random.uniform(-0.9, 0.9, count) if correlated else np.zeros(count)
    one = np.ones(count)
    return Problems(np.array([[one, rho], [rho, one]]).transpose(2, 0, 1), random.standard_normal((count, 2)))


def constrained(problems: Problems, region: Region) -> np.ndarray:
    """The minimum [K, 2] on the border: golden sections around the best of many directions of each quarter.

    Directions are dense towards the axes, where the border of a norm below 1 is a spike, so that a minimum at
    a corner is met to rounding.
    """
    count = len(problems.a)
    best, lowest = np.zeros((count, 2)), np.full(count, np.inf)
    even = np.linspace(0.0, np.pi / 2, 61)
    dense = np.arctan2(np.sin(even) ** 4, np.cos(even) ** 4)
    for quarter in range(4):
        angles = dense + quarter * np.pi / 2
        points = region.border(angles)
        losses = problems.loss(points[:, None, :])
        at = losses.argmin(0)
        low, high = angles[np.maximum(at - 1, 0)], angles[np.minimum(at + 1, len(angles) - 1)]
        inner = region.border(_golden(lambda t: problems.loss(region.border(t)), low, high))
        for found in (points[at], inner):
            loss = problems.loss(found)
            better = loss < lowest
            best[better], lowest[better] = found[better], loss[better]
    return best


def _golden(f: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where each of K functions is lowest between `low` and `high` (Kiefer 1953)."""
    share = (np.sqrt(5.0) - 1.0) / 2.0
    for _ in range(50):
        left, right = high - share * (high - low), low + share * (high - low)
        falls = f(left) > f(right)
        low, high = np.where(falls, left, low), np.where(falls, high, right)
    return (low + high) / 2.0


def at_corner(problems: Problems, region: Region) -> np.ndarray:
    """Whether the minimum is a corner [K], by the condition of Karush, Kuhn and Tucker; convex regions.

    At the corner on axis j the gradient must point outwards against the axis, and its other component be at
    most `cone` times as large.
    """
    found = np.zeros(len(problems.a), bool)
    reach = float(region.border(np.zeros(1))[0, 0])
    for place, way in enumerate(_CORNERS):
        g = np.einsum("kij,kj->ki", problems.q, way * reach - problems.a)
        along, across = g @ way, np.abs(g[:, 1 - place % 2])
        found |= (along < 0.0) & (across <= -region.cone * along)
    return found


def predicted() -> float:
    """Share of corners under L1 with orthogonal inputs, a ~ N(0, I) outside ‖w‖₁ ≤ 1: c/(2 − c).

    A corner iff ||a₁| − |a₂|| ≥ 1; with u, v = (a₁ ± a₂)/√2 that is min(|u|, |v|) ≥ 1/√2, and outside is
    max(|u|, |v|) > 1/√2, so that with c = P(|u| ≥ 1/√2) the share is c² ÷ (1 − (1 − c)²).
    """
    c = 2.0 * (1.0 - NormalDist().cdf(0.5**0.5))
    return c / (2.0 - c)


def equivalence(count: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Penalty against constraint: the largest difference of the two minima, λ [3, S], radii [3, S].

    Each penalised minimum is computed by coordinate descent or singular values; the constraint of its own
    radius must have the same one.
    """
    random = np.random.default_rng(3)
    x = random.standard_normal((40, 2)) @ np.linalg.cholesky(np.array([[1.0, 0.5], [0.5, 1.0]])).T
    y = x @ np.array([0.6, 1.5]) + 0.3 * random.standard_normal(40)
    q, minimum = x.T @ x, np.linalg.lstsq(x, y, rcond=None)[0]
    strengths = np.geomspace(0.5, 40.0, count)
    worst, radii = 0.0, []
    for l1, l2 in ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5)):
        found = []
        for strength in strengths:
            w = elastic_net(x, y, strength * l1, strength * l2, "half_rss").weights
            size = l1 * np.abs(w).sum() + l2 * float(w @ w)
            problem = Problems(q[None], minimum[None])
            worst = max(worst, float(np.abs(constrained(problem, Region(l1 / size, l2 / size))[0] - w).max()))
            found.append(size)
        radii.append(found)
    return worst, np.tile(strengths, (3, 1)), np.array(radii)


def judged(corners_l1: float, corners_l2: float, off: float) -> Verdict:
    """By the shares of minima on an axis, and by how far penalty and constraint are apart.

    "holds" where L1 always has a zero and L2 never, "wrong" where L2 has some or L1 none, or where the
    picture of a constraint is not that of the penalty.
    """
    if corners_l2 > 0.0 or corners_l1 == 0.0 or off > _SAME:
        return "wrong"
    return "holds" if corners_l1 == 1.0 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Thousands of losses in two dimensions, none of them drawn by hand."""
    count = 2_000 if quick else 20_000
    plain, bent = drawn(count, False, 0), drawn(count, True, 1)
    share = {
        (region, kind): float(at_corner(each.outside(region), region).mean())
        for region in (L1, BOTH, L2)
        for kind, each in (("plain", plain), ("bent", bent))
    }
    off, strengths, radii = equivalence(6 if quick else 12)
    value, told_of = share[L1, "plain"], len(plain.outside(L1).a)
    reach = 1.96 * float(np.sqrt(value * (1.0 - value) / told_of))
    verdict = judged(value, max(share[L2, "plain"], share[L2, "bent"]), off)
    return Outcome(
        headline=Words("share of losses that L1 solves at a corner, orthogonal inputs",
                       "fração das perdas que a L1 resolve num vértice, entradas ortogonais"),
        predicted=predicted(),
        value=value,
        interval=(value - reach, value + reach),
        measured=said(
            "Of losses whose minimum is not allowed, L1 has an exact zero in {0} % with orthogonal inputs "
            "(predicted {1} %) and in {2} % with correlated ones; the elastic net in {3} and {4} %, L2 in "
            "{5} and {6} %. The minima of a penalty and of the constraint of its radius differ by {7}.",
            "Das perdas cujo mínimo não é permitido, a L1 tem um zero exato em {0} % com entradas ortogonais "
            "(previsto: {1} %) e em {2} % com correlacionadas; a elastic net em {3} e {4} %, a L2 em {5} e "
            "{6} %. Os mínimos de uma penalidade e da restrição com o seu raio diferem no máximo {7}.",
            100.0 * value, 100.0 * predicted(), 100.0 * share[L1, "bent"],
            *(100.0 * share[region, kind] for region in (BOTH, L2) for kind in ("plain", "bent")), off,
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("L1 always has a zero here and L2 never.", "Aqui a L1 sempre tem um zero e a L2 nunca."),
            Words(
                "The corners make zeros: L1 can have them, L2 cannot. But the printed figure is one case: a "
                "zero is there only where the free minimum lies in the cone before a corner. The elastic "
                "net keeps its corners but blunts them, so that its cone is narrower; a norm just above 1 "
                "has small weights and no zeros. Penalty and constraint are the same picture, each λ having "
                "its own radius.",
                "Os vértices fazem os zeros: a L1 pode tê-los, a L2 não. Mas a figura impressa é um caso: só "
                "há zero quando o mínimo livre está no cone diante de um vértice. A elastic net mantém os "
                "vértices, mas os abre, e o seu cone é mais estreito; uma norma pouco acima de 1 tem pesos "
                "pequenos e nenhum zero. Penalidade e restrição são a mesma figura: cada λ tem o seu raio.",
            ),
            Words("Here the picture does not explain the zeros.", "Aqui a figura não explica os zeros."),
        ),
        pictures=(_touching(), _by_norm(bent), _radii(strengths, radii)),
    )  # fmt: skip


_SHOWN = (
    (Words("L1", "L1"), L1),
    (Words("elastic net", "elastic net"), BOTH),
    (Words("L2", "L2"), L2),
    (Words("p = ½", "p = ½"), CUSPS),
)


def _touching() -> Plot:
    """The text's figure, its minima computed."""
    problem = Problems(np.array([[[1.0, -0.3], [-0.3, 0.6]]]), np.array([[0.45, 2.0]]))
    root = np.linalg.inv(np.linalg.cholesky(problem.q[0]).T)
    round_ = np.linspace(0.0, 2.0 * np.pi, 121)
    circle = np.stack([np.cos(round_), np.sin(round_)])
    lines: list[Series] = []
    for step, (_, region) in enumerate(_SHOWN):
        best = constrained(problem, region)
        level = float(problem.loss(best)[0])
        border = region.border(round_)
        lines.append(
            series(
                Words("allowed region", "região permitida"), border[:, 0], border[:, 1], "second", step=step
            )
        )
        for number, part in enumerate((1.0, 0.3, 2.0)):
            ring = problem.a[0][:, None] + np.sqrt(2.0 * level * part) * (root @ circle)
            name = Words("equal loss", "perda igual") if number == 0 else Words("", "")
            lines.append(series(name, ring[0], ring[1], "measured" if number == 0 else "rest", step=step))
        lines.append(
            series(
                Words("constrained minimum", "mínimo restrito"),
                best[:, 0],
                best[:, 1],
                "bad",
                "points",
                step=step,
            )
        )
    lines.append(
        series(Words("free minimum", "mínimo livre"), problem.a[:, 0], problem.a[:, 1], "good", "points")
    )
    return Plot(
        Words("Region and lines of equal loss", "Região e linhas de perda igual"),
        Words("The line of equal loss that just touches the region does so at the constrained minimum: at a "
              "corner, w₁ = 0, for L1, the elastic net and p = ½; beside the axis for L2.",
              "A linha de perda igual que apenas toca a região o faz no mínimo restrito: num vértice, w₁ = "
              "0, com L1, elastic net e p = ½; ao lado do eixo com L2."),
        Axis(Words("w₁", "w₁"), range=(-2.0, 3.0)),
        Axis(Words("w₂", "w₂"), range=(-1.4, 3.6)),
        tuple(lines),
        slider=Slider(Words("penalty", "penalidade"), tuple(name for name, _ in _SHOWN)),
        equal=True,
    )  # fmt: skip


def _by_norm(problems: Problems) -> Plot:
    norms = (0.5, 0.75, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0)
    some = Problems(problems.q[:2000], problems.a[:2000])
    exact, near = [], []
    for p in norms:
        region = Region(p=p)
        given = some.outside(region)
        least = np.abs(constrained(given, region)).min(1)
        zero = least < _CORNER if p < 1.0 else at_corner(given, region)
        exact.append(100.0 * float(zero.mean()))
        near.append(100.0 * float((zero | (least < 0.01)).mean()))
    return Plot(
        Words("Zeros by the norm of the region", "Zeros conforme a norma da região"),
        Words("Share of random losses with correlated inputs whose constrained minimum has a weight of "
              "exactly 0, or below a hundredth of the radius.",
              "Fração de perdas aleatórias com entradas correlacionadas cujo mínimo restrito tem um peso "
              "exatamente 0, ou abaixo de um centésimo do raio."),
        Axis(Words("p of ‖w‖ₚ ≤ 1", "p de ‖w‖ₚ ≤ 1")),
        Axis(Words("share of losses (%)", "fração das perdas (%)"), range=(0.0, 100.0)),
        (series(Words("exactly 0", "exatamente 0"), norms, exact, "measured", "both"),
         series(Words("below 0.01", "abaixo de 0,01"), norms, near, "second", "both")),
    )  # fmt: skip


def _radii(strengths: np.ndarray, radii: np.ndarray) -> Plot:
    kinds = ((Words("L1: ‖w‖₁", "L1: ‖w‖₁"), "measured"), (Words("L2: ‖w‖²", "L2: ‖w‖²"), "second"),
             (Words("elastic net: half of each", "elastic net: metade de cada"), "good"))  # fmt: skip
    return Plot(
        Words("Each strength is a radius", "Cada intensidade é um raio"),
        Words("The size that a penalty leaves. The constraint of that size has the same minimum.",
              "O tamanho que uma penalidade deixa. A restrição com esse tamanho tem o mesmo mínimo."),
        Axis(Words("strength λ beside ½RSS", "intensidade λ ao lado de ½RSS"), log=True),
        Axis(Words("radius η of the constraint", "raio η da restrição")),
        tuple(
            series(name, x, y, role, "both")  # type: ignore[arg-type]
            for (name, role), x, y in zip(kinds, strengths, radii, strict=True)
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("The geometry of penalties", "A geometria das penalidades"),
    claim=Words(
        "A penalty confines weights to a region: a circle for L2, a diamond for L1, whose corners lie on the "
        "axes, so that the lasso gives a sparse solution, w₁ = 0 in the figure.",
        "Uma penalidade confina os pesos a uma região: um círculo na L2, um losango na L1, cujos vértices "
        "estão nos eixos, e por isso o lasso dá uma solução esparsa, w₁ = 0 na figura.",
    ),
    source=Words(
        "“Técnicas de regularização”, geometric interpretation (figure 3.4, after Bishop)",
        "“Técnicas de regularização”, interpretação geométrica (figura 3.4, de Bishop)",
    ),
    prediction=Words(
        "A corner is the minimum iff there |g₂| ≤ κ|g₁| (Karush, Kuhn and Tucker), κ = 1 for L1, less for "
        "the elastic net, 0 for L2. With orthogonal inputs and minima from N(0, I) outside ‖w‖₁ ≤ 1 that is "
        "c/(2 − c) of all, c = P(|u| ≥ 1/√2), u from N(0, 1).",
        "Um vértice é o mínimo se, e só se, lá |g₂| ≤ κ|g₁| (Karush, Kuhn e Tucker), κ = 1 na L1, menos na "
        "elastic net, 0 na L2. Com entradas ortogonais e mínimos de N(0, I) fora de ‖w‖₁ ≤ 1 isso é "
        "c/(2 − c) de todos, c = P(|u| ≥ 1/√2), u de N(0, 1).",
    ),
    measure=measure,
    rows=("R3",),
)
