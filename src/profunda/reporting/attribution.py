"""What each ingredient is worth, how much is too much, how a model stands noise: fleets' findings, drawn."""

import math
from collections.abc import Sequence
from typing import Any

from profunda.reporting.blocks import Bar, Bars, Block, Figure, Figures, Section, Table, Text
from profunda.reporting.figures import axis, hover, legend, log_axis, numbers, spec
from profunda.reporting.palette import ACCENT, GREY, SECOND, faded
from profunda.reporting.words import brief, cell, count, duration, number, setting
from profunda.tuning.ablation import NOISE, SHIFT, Attribution, Worth
from profunda.tuning.dosage import Dosage
from profunda.tuning.paired import LEVEL, Change
from profunda.tuning.robustness import Robustness

__all__ = ["attribution_blocks", "attribution_sections", "dosage_blocks", "robustness_blocks"]

_FACTOR = 6.0  # between the ends of an axis: above, it is logarithmic


def attribution_sections(
    attribution: Attribution | None,
    dosages: Sequence[Dosage],
    robustness: Robustness | None,
) -> tuple[Section, ...]:
    """The sections on ingredients, strengths and robustness; each only where there is something to tell."""
    found = (
        Section(
            "ingredients",
            "What each ingredient is worth",
            "The champion's recipe with one thing taken out or exchanged at a time.",
            attribution_blocks(attribution) if attribution is not None else (),
        ),
        Section(
            "strengths",
            "Too much hurts",
            "How the score depends on the strength of each regulariser, all else as in the champion.",
            dosage_blocks(dosages),
        ),
        Section(
            "robustness",
            "Noise and shift",
            "The model on rows that are worse than those it learned from.",
            robustness_blocks(robustness) if robustness is not None else (),
        ),
    )
    return tuple(section for section in found if section.blocks)


def attribution_blocks(attribution: Attribution) -> tuple[Block, ...]:
    """The finding in words, a dot with its interval for each ingredient, and the table of costs."""
    if not attribution.worths:
        return (Text("The champion has no ingredient that could be taken out.", "note"),)
    return (Text(_summary(attribution)), _worth_bars(attribution), _cost_table(attribution))


def _summary(attribution: Attribution) -> str:
    clear = [one for one in attribution.worths if one.worth.clear]
    helps = [one for one in clear if one.verdict == "helps"]
    hurts = [one for one in clear if one.verdict == "hurts"]
    text = (
        f"Of {len(attribution.worths)} changes to the recipe, {_many(len(helps))} it clearly worse, "
        f"{_many(len(hurts))} it clearly better; of the others {attribution.folds * attribution.repeats} "
        "folds cannot tell."
    )
    if helps:
        text += f" It owes most to: {_told(helps[0])}, worth {number(helps[0].worth.mean, 2)}."
    if hurts:
        text += f" What would improve it most: {_told(hurts[-1])}, by {number(-hurts[-1].worth.mean, 2)}."
    return text


def _many(n: int) -> str:
    return "none makes" if n == 0 else "one makes" if n == 1 else f"{n} make"


def _told(worth: Worth) -> str:
    title = worth.title[0].lower() + worth.title[1:] if worth.title[1:2].islower() else worth.title
    changes = [f"{name.replace('_', ' ')} {_step(before, after)}" for name, before, after in worth.changes]
    return f"{title} ({', '.join(changes)})"


def _step(before: object, after: object) -> str:
    return f"{_value(before)} → {_value(after)}"


def _value(value: object) -> str:
    return "0" if isinstance(value, float) and value == 0 else setting(value)


def _label(worth: Worth) -> str:
    """Its title and what is changed: "Dropout 0.2 → 0"."""
    _, before, after = worth.changes[0]
    return f"{worth.title}  {_step(before, after)}"


def _beside(worth: Worth) -> str:
    """What else a reader must know of a change."""
    told = [f"{name.replace('_', ' ')} {_step(before, after)}" for name, before, after in worth.changes[1:]]
    told += [f"{worth.failed} of {worth.networks} networks diverged"] if worth.failed else []
    return "; ".join(told)


def _rounded(change: Change, value: float) -> str:
    """`value` with as many decimals as show the interval's width with two digits, and its sign."""
    width = change.high - change.low
    if not math.isfinite(width) or width <= 0 or not math.isfinite(value):
        return number(value)
    decimals = max(0, min(6, 1 - math.floor(math.log10(width))))
    return f"{value:+,.{decimals}f}".replace("-", "−")


def _worth_bars(attribution: Attribution) -> Bars:
    bars = tuple(
        Bar(
            _label(one),
            (one.worth.mean,) if math.isfinite(one.worth.mean) else (),
            _rounded(one.worth, one.worth.mean),
            _edge(one.worth.low, one.worth.mean),
            _edge(one.worth.high, one.worth.mean),
            note=_beside(one),
            strong=one.worth.clear,
        )
        for one in attribution.worths
    )
    return Bars(
        "One change at a time",
        bars,
        f"How much worse {attribution.metric} (now {number(attribution.value, 4)}) gets when this one thing "
        "is changed: right of the line the recipe is better as it is, left of it the change would improve "
        f"it. Bold where the {LEVEL:.0%} interval leaves out zero.",
        _method(attribution, len(bars)),
        axis=f"worse {attribution.metric} after the change",
        dots=True,
    )


def _method(attribution: Attribution, shown: int) -> str:
    return (
        f"{count(attribution.networks)} networks: the champion's design and each change of it were trained "
        f"on the same {attribution.folds} folds of {attribution.repeats} cross-validations over "
        f"{count(attribution.rows)} rows, from {attribution.seeds} seeds each. The rows that stop training "
        "are not those that judge. Intervals are those of the folds' paired differences by the corrected "
        "resampled t (Nadeau and Bengio 2003), because folds share training rows. Where a change needs "
        "another learning rate, the best of several on the rows that stop training counts. Limits: of "
        f"{shown} intervals at {LEVEL:.0%} about {number((1 - LEVEL) * shown, 2)} mislead by chance; of two "
        "things that replace each other, each looks idle while the other is there; and the recipe was chosen "
        "by a search, so it was lucky."
    )


def _edge(value: float, mean: float) -> float | None:
    return value if math.isfinite(value) and math.isfinite(mean) else None


def _cost_table(attribution: Attribution) -> Table:
    rows = tuple(
        (
            one.title,
            cell(one.value),
            _rounded(one.worth, one.worth.mean),
            _range(one.worth),
            _flagged(one.noise),
            _flagged(one.shift),
            _percent(one.steps.mean, attribution.steps - one.steps.mean),
            _percent(one.seconds.mean, attribution.seconds - one.seconds.mean),
            one.verdict if one.worth.clear else "–",
        )
        for one in attribution.worths
    )
    head = (
        "ingredient",
        f"{attribution.metric} then",
        "worth",
        f"{LEVEL:.0%} interval",
        "under noise",
        "under shift",
        "steps",
        "time",
        "verdict",
    )
    what = (
        f"Worth is how much worse {attribution.metric} gets after the change. Under noise: the same on rows "
        f"with noise of {NOISE.strength:g} standard deviations on numbers and some categories exchanged (the "
        f"recipe as it is: {number(attribution.noise_value, 3)}); under shift: on rows whose numbers are "
        f"moved by {SHIFT.strength:g} standard deviations and stretched by a quarter "
        f"({number(attribution.shift_value, 3)}); a star marks an interval without zero. Steps and time: "
        f"what the ingredient adds to the training of a network ({count(attribution.steps)} steps, "
        f"{duration(attribution.seconds)} of one thread); below 0 it saves."
    )
    return Table("Robustness and cost", head, rows, what)


def _flagged(change: Change) -> str:
    return _rounded(change, change.mean) + (" *" if change.clear else "")


def _range(change: Change) -> str:
    # No-break spaces: a table's cell must not part the ends.
    return f"{_rounded(change, change.low)}\u00a0…\u00a0{_rounded(change, change.high)}"


def _percent(extra: float, base: float) -> str:
    if not base > 0 or not math.isfinite(extra):
        return "–"
    return f"{100 * extra / base:+.0f}\u00a0%".replace("-", "−")


def dosage_blocks(dosages: Sequence[Dosage]) -> tuple[Block, ...]:
    """One small panel for each regulariser, its verdict above it; nothing without any."""
    if not dosages:
        return ()
    figures = tuple(_dosage_figure(one) for one in dosages)
    hurt = sum(one.shape in ("U", "rising") for one in dosages)
    inside = sum(one.shape == "U" for one in dosages)
    return (
        Figures(
            "Score against strength",
            figures,
            f"{'Higher' if dosages[0].greater_is_better else 'Lower'} is better. The strongest dose clearly "
            f"hurts in {hurt} of {len(dosages)} panels; in {inside} of them none at all hurts too, so the "
            "best lies inside. The dashed line is the champion's own strength, the orange dot the best one "
            "drawn.",
            "A fleet of the champion's design at every strength, on the same folds and from several seeds, "
            "judged on rows that neither trained nor stopped it. The band is the interval of the paired "
            "difference to the best strength (corrected resampled t), laid about each value: strengths whose "
            "band does not reach the best one's value are clearly worse. Limits: all else stays as in the "
            "champion, the learning rate too; the best is chosen on the same rows, so its lead is a little "
            "flattered.",
        ),
    )


def _dosage_figure(one: Dosage) -> Figure:
    places = list(range(len(one.strengths)))
    known = [k for k in places if math.isfinite(one.values[k])]
    x = [float(k) for k in known]
    lows, highs = [one.lows[k] for k in known], [one.highs[k] for k in known]
    edge: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0}}
    edge |= {"hoverinfo": "skip"}
    best = one.strengths.index(one.best)
    data: list[dict[str, Any]] = [
        edge | {"y": numbers(lows)},
        edge | {"y": numbers(highs), "fill": "tonexty", "fillcolor": faded(ACCENT, 0.18)},
        {
            "type": "scatter", "mode": "lines+markers", "x": x, "y": numbers([one.values[k] for k in known]),
            "text": [brief(one.strengths[k]) for k in known], "line": {"color": ACCENT, "width": 2.2},
            "marker": {"color": [SECOND if k == best else ACCENT for k in known],
                       "size": [11 if k == best else 6 for k in known]},
            "hovertemplate": hover(f"{one.name} %{{text}}: %{{y:.4g}}"),
        },
    ]  # fmt: skip
    own = _position(one.at, one.strengths)
    line = {
        "type": "line", "x0": own, "x1": own, "y0": 0, "y1": 1, "yref": "paper",
        "line": {"color": GREY, "width": 1.5, "dash": "dash"},
    }  # fmt: skip
    layout = {
        "xaxis": axis(
            one.name.replace("_", " "),
            tickvals=places,
            ticktext=[_dose(s) for s in one.strengths],
            range=[-0.3, len(places) - 0.7],
            tickangle=0,
        ),
        "yaxis": _value_axis(one.metric, [*lows, *highs], [one.values[k] for k in known]),
        "shapes": [line],
    }
    alt = f"{one.metric} against {one.name} from 0 to {one.strengths[-1]:g}. {one.verdict}"
    return Figure(one.title, spec(data, layout), one.verdict, "", alt, height=250)


def _dose(strength: float) -> str:
    """A strength on a short axis: small powers of ten by their exponent."""
    power = math.log10(strength) if strength > 0 else 0.0
    return (
        f"10<sup>{power:.0f}</sup>" if power <= -3 and abs(power - round(power)) < 1e-9 else brief(strength)
    )


def _value_axis(metric: str, band: Sequence[float], values: Sequence[float]) -> dict[str, Any]:
    """Around values and band; logarithmic where the strongest dose would flatten all others."""
    marks = [v for v in (*band, *values) if math.isfinite(v)] or [0.0, 1.0]
    low, high = min(marks), max(marks)
    positive = [v for v in values if v > 0]
    if len(positive) == len(values) and high / max(min(positive, default=1.0), 1e-12) > _FACTOR:
        return log_axis(metric, max(low, min(positive) / 2), high, short=True)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.5
    return axis(metric, range=numbers([low - margin, high + margin]), nticks=5)


def _position(value: float, strengths: Sequence[float]) -> float:
    """Where `value` stands among evenly spaced strengths: between powers, by its logarithm."""
    for k, upper in enumerate(strengths):
        if value <= upper:
            lower = strengths[k - 1] if k else upper
            if value == upper or upper == lower:
                return float(k)
            share = (value - lower) / (upper - lower)
            if lower > 0 and upper / lower >= 5:
                share = math.log(value / lower) / math.log(upper / lower)
            return k - 1 + share
    return len(strengths) - 0.7


def robustness_blocks(robustness: Robustness) -> tuple[Block, ...]:
    """Two lines of the score against strength, and a sentence on the edge of the foremost column."""
    better = "higher" if robustness.greater_is_better else "lower"
    blocks: list[Block] = [_robustness_figure(robustness, better)]
    edge = robustness.beyond
    if edge is not None:
        side = "above" if edge.above else "below"
        surely = "clearly" if edge.low > 0 or edge.high < 0 else "not clearly"
        word = "worse" if edge.worse > 0 else "better"
        text = (
            f"At the edge: on the {count(edge.rows)} rows where “{edge.column}”, the number the model relies "
            f"on most, is {side} {number(edge.edge)}, {robustness.metric} is {number(edge.value)}, elsewhere "
            f"{number(edge.inside)}: {surely} {word} there."
        )
        blocks.append(Text(text, "note"))
    return tuple(blocks)


def _robustness_figure(robustness: Robustness, better: str) -> Figure:
    data: list[dict[str, Any]] = []
    for kind, colour, name in (
        ("noise", ACCENT, "noise on all columns"),
        ("shift", SECOND, "shift of numbers"),
    ):
        data += _strength_traces(robustness, kind, colour, name)
    layout = {
        "showlegend": True,
        "legend": legend(),
        "xaxis": axis("strength, in standard deviations of a column", rangemode="tozero"),
        "yaxis": axis(f"{robustness.metric} ({better} is better)", nticks=6),
    }
    said = []
    for kind in ("noise", "shift"):
        last = max((p for p in robustness.points if p.kind == kind), key=lambda p: p.strength, default=None)
        if last is not None:
            said.append(f"{kind} of {last.strength:g} standard deviations makes it {number(last.value, 3)}")
    what = (
        f"{robustness.metric} is {number(robustness.value, 3)} on {count(robustness.rows)} rows as they are"
    )
    what = "; ".join([what, *said]) + "."
    return Figure(
        "The score under noise and shift",
        spec(data, layout),
        what,
        "Noise is Gaussian on numbers and dates; a category or a yes or no is exchanged for another row's "
        "with probability s/(1 + s) at strength s. A shift moves each numeric column by s standard "
        "deviations, up or down, and stretches it by 1 + s/2. Averaged over three draws; bands are bootstrap "
        "intervals of the change on the same rows. Limits: real rows change in other ways too, and columns "
        "here move independently of each other.",
        f"{robustness.metric} against the strength of noise and shift. {what}",
        height=340,
    )


def _strength_traces(robustness: Robustness, kind: str, colour: str, name: str) -> list[dict[str, Any]]:
    """Band and line of one kind of corruption, from strength 0 on."""
    sign = -1.0 if robustness.greater_is_better else 1.0
    points = [one for one in robustness.points if one.kind == kind]
    x = [0.0, *(one.strength for one in points)]
    lows, highs = (
        numbers([robustness.value, *(robustness.value + sign * edge for edge in side)])
        for side in ([one.low for one in points], [one.high for one in points])
    )
    edge: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0}}
    edge |= {"showlegend": False, "hoverinfo": "skip"}
    line = {
        "type": "scatter", "mode": "lines+markers", "x": x, "name": name,
        "y": numbers([robustness.value, *(one.value for one in points)]),
        "line": {"color": colour, "width": 2.4}, "hovertemplate": hover(f"{kind} of %{{x}}: %{{y:.4g}}"),
    }  # fmt: skip
    return [
        edge | {"y": lows},
        edge | {"y": highs, "fill": "tonexty", "fillcolor": faded(colour, 0.16)},
        line,
    ]
