"""What a model of the trials believes about each hyperparameter: its mean with a band, one panel each."""

from profunda.reporting.blocks import Figure, Figures
from profunda.reporting.figures import axis, hover, label, log_axis, numbers, spec
from profunda.reporting.palette import ACCENT, faded
from profunda.reporting.standing import is_log
from profunda.reporting.words import count, setting, share
from profunda.space.domain import Choice
from profunda.tuning.importance import SurrogateCurve, SurrogateCurves
from profunda.tuning.result import SearchResult

__all__ = ["surrogate_panels"]

_LEAST_EXPLAINED = 0.1  # R² on trials left out: below, the curves would be fancy
_LEAST_SHARE = 0.005  # of the variance: below, a panel is a flat line


def surrogate_panels(search: SearchResult, found: SurrogateCurves | None) -> Figures | None:
    """One panel for each parameter that matters; None where nothing could be learnt from the trials."""
    if found is None or not found.explained >= _LEAST_EXPLAINED:
        return None
    kept = [one for one in found.curves if one.share >= _LEAST_SHARE and len(one.points) > 1]
    if not kept:
        return None
    low, high = min(min(one.low) for one in kept), max(max(one.high) for one in kept)
    margin = 0.04 * (high - low) or 0.5
    scale = [low - margin, high + margin]
    return Figures(
        "What the trials taught",
        tuple(_panel(search, one, scale) for one in kept),
        f"The {search.metric} to be expected at each value, all other hyperparameters drawn from the space; "
        "the band is one standard deviation of that belief. Where the band is narrow and the line steep, the "
        "value matters and is known. All panels have the same scale.",
        f"A Gaussian process fitted on {count(found.trials)} trials, which explains {share(found.explained)} "
        "of the variance of trials left out; each line is its mean averaged over the other hyperparameters "
        "(partial dependence, Friedman 2001, section 8.2), the percentage the share of variance that one "
        "alone explains. Limits: an average over the space, not the best to be had at a value; a "
        "hyperparameter that acts only together with another looks flat.",
    )


def _panel(search: SearchResult, one: SurrogateCurve, scale: list[float]) -> Figure:
    x, x_axis, discrete = _places(search, one)
    style = "markers" if discrete else "lines"
    line: dict[str, object] = {
        "type": "scatter", "mode": style, "x": x, "y": numbers(one.mean),
        "text": [label(setting(point)) for point in one.points],
        "line": {"color": ACCENT, "width": 2.2}, "marker": {"color": ACCENT, "size": 8},
        "hovertemplate": hover("%{text}: %{y:.4g}"),
    }  # fmt: skip
    data: list[dict[str, object]] = [line]
    if discrete:
        ends = zip(one.mean, one.low, one.high, strict=True)
        above, below = zip(*((high - mean, mean - low) for mean, low, high in ends), strict=True)
        line["error_y"] = {
            "type": "data", "symmetric": False, "array": numbers(above), "arrayminus": numbers(below),
            "color": faded(ACCENT, 0.6), "width": 0,
        }  # fmt: skip
    else:
        edge: dict[str, object] = {"type": "scatter", "mode": "lines", "x": x, "hoverinfo": "skip"}
        edge |= {"line": {"width": 0}}
        upper = edge | {"y": numbers(one.high), "fill": "tonexty", "fillcolor": faded(ACCENT, 0.18)}
        data = [edge | {"y": numbers(one.low)}, upper, line]
    layout = {"xaxis": x_axis, "yaxis": axis(label(search.metric), range=numbers(scale), nticks=5)}
    best = min(range(len(one.mean)), key=lambda k: -one.mean[k] if search.greater_is_better else one.mean[k])
    what = f"{share(one.share)} of the variance alone; best around {setting(one.points[best])}."
    alt = f"Expected {search.metric} against {one.name}: {what}"
    return Figure(one.name, spec(data, layout), what, "", alt, height=240)


def _places(search: SearchResult, one: SurrogateCurve) -> tuple[list, dict[str, object], bool]:
    """Where the points stand, their axis, and whether they are columns rather than a scale."""
    domain = search.space.domains[one.name]
    if isinstance(domain, Choice):
        places = list(range(len(one.points)))
        texts = [label(setting(point), 12) for point in one.points]
        return places, axis(label(one.name), tickvals=places, ticktext=texts), True
    values = [float(point) for point in one.points]  # type: ignore[arg-type]
    if is_log(domain):
        return numbers(values), log_axis(label(one.name), min(values), max(values), short=True), False
    return numbers(values), axis(label(one.name), nticks=5), False
