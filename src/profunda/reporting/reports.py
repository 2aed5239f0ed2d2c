"""`report`: a search, a history or a model alone as a Document."""

import math

from profunda.data.schema import Feature, Schema
from profunda.data.table import Kind
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.errors import ArgumentError
from profunda.fleet.history import History
from profunda.forecasting.values import Forecast
from profunda.metrics.score import metric_for
from profunda.model.model import Model
from profunda.reporting.attribution import attribution_sections
from profunda.reporting.blocks import Bar, Bars, BigNumber, Block, Facts, Section, Table
from profunda.reporting.champion import drawing, ensemble, inside, recipe
from profunda.reporting.curves import learning_curves
from profunda.reporting.diagnosis import diagnosis_sections
from profunda.reporting.document import Document
from profunda.reporting.fleet import fleet_blocks, landscape_blocks
from profunda.reporting.forecast import forecast_sections
from profunda.reporting.headline import meaning, score_words
from profunda.reporting.reproduce import loading, origin
from profunda.reporting.words import count, duration, moment, number, setting, settings, share
from profunda.space.bodies import body_words
from profunda.tuning.ablation import Attribution
from profunda.tuning.dosage import Dosage
from profunda.tuning.result import SearchResult
from profunda.tuning.robustness import Robustness

__all__ = ["findings_document", "history_document", "model_document", "report", "search_document"]

MOST_MEMBERS = 50


def report(
    subject: SearchResult | History | Model | Attribution | Robustness | Forecast | Diagnosis,
) -> Document:
    """What a search, a history, a model, a finding, a forecast or a diagnosis tells: page, JSON or text.

    ``report(result).html("report.html")``; `.json(path)` and `.text()` tell the same.

    Raises ArgumentError for anything else; a finished run writes its own, fuller report.
    """
    if isinstance(subject, SearchResult):
        return search_document(subject)
    if isinstance(subject, History):
        return history_document(subject)
    if isinstance(subject, Model):
        return model_document(subject)
    if isinstance(subject, Attribution):
        return findings_document(attribution=subject)
    if isinstance(subject, Robustness):
        return findings_document(robustness=subject)
    if isinstance(subject, Forecast):
        return Document("A forecast", subject.subject, forecast_sections(subject))
    if isinstance(subject, Diagnosis):
        return Document("A diagnosis", subject.title, diagnosis_sections(subject))
    raise ArgumentError(
        f"there is no report on a {type(subject).__name__}: give a SearchResult (profunda.search, or a fit's "
        ".search), a History (profunda.train), a Model (profunda.load, or a fit's .model), or what was found "
        "about one: an Attribution, a Robustness, a Forecast (profunda.forecast) or a "
        "Diagnosis (profunda.diagnose)"
    )


def findings_document(
    *,
    attribution: Attribution | None = None,
    dosages: tuple[Dosage, ...] = (),
    robustness: Robustness | None = None,
    title: str = "What a recipe is made of",
) -> Document:
    """What was found about a champion by experiments after the search: its ingredients, doses, robustness."""
    told: list[str] = []
    if attribution is not None:
        told.append(f"{count(attribution.networks)} networks around {_named(attribution)}")
    if dosages:
        told.append(f"{count(sum(one.networks for one in dosages))} networks at {len(dosages)} strengths")
    if robustness is not None:
        told.append(f"{count(robustness.rows)} rows under noise and shift")
    sections = attribution_sections(attribution, dosages, robustness)
    if attribution is not None:
        recipe_section = Section("recipe", "The recipe", "", (recipe(attribution.design),))
        sections = (*sections, recipe_section)
    return Document(title, " · ".join(told), sections)


def _named(attribution: Attribution) -> str:
    design = attribution.design
    widths = setting(design.widths) if design.widths else "no hidden layer"
    body = body_words(design.body, design.body_width, design.body_depth)
    return f"a network of {widths}" + (f" behind {body}" if body else "")


def search_document(search: SearchResult, title: str = "A search") -> Document:
    """A search alone, a user's own objective included: the best trial, its course, and what mattered."""
    best = search.best
    subtitle = (
        f"{count(len(search.trials))} trials in {duration(search.seconds)} · {search.sampler} · "
        f"{'maximising' if search.greater_is_better else 'minimising'} {search.metric}"
    )
    members: tuple[int, ...] = ()
    if best is not None and search.history is not None:
        start = search.trials.index(best) * search.folds
        members = tuple(range(start, start + search.folds))
    sections = (
        Section("result", "Result", "The best trial, by the number that chose it.", _best_blocks(search)),
        Section(
            "fleet", "The trials", "How the search went.", fleet_blocks(search, members, _classes(search))
        ),
        Section("landscape", "What mattered", "Where good trials live.", landscape_blocks(search)),
        Section("space", "The space", "What was searched.", (_space_table(search),)),
    )
    return Document(title, subtitle, tuple(section for section in sections if section.blocks))


def _classes(search: SearchResult) -> bool:
    return search.metric not in ("rmse", "mae", "r2", "median_ae")


def _best_blocks(search: SearchResult) -> tuple[Block, ...]:
    best = search.best
    if best is None:
        messages = [t.message for t in search.trials if t.message]
        first = f" The first error was: {messages[0]}" if messages else ""
        return (
            BigNumber(
                "–",
                search.metric,
                "no trial has a score",
                f"None of {len(search.trials)} trials has a score.{first}",
            ),
        )
    sentence = (
        f"The best of {count(len(search.trials))} trials is number {best.number}: {settings(best.params)}."
    )
    spread = "a single measurement" if math.isnan(best.spread) else f"standard error {number(best.spread, 2)}"
    direction = "higher" if search.greater_is_better else "lower"
    why = "This very number chose it among many, so expect a little worse when it is measured anew."
    big = BigNumber(
        number(best.value, 4), f"{search.metric} ({direction} is better)", spread, f"{sentence} {why}"
    )
    others = tuple((name, number(value, 4)) for name, value in best.scores if name != search.metric)
    facts = (
        *others,
        ("Trials", count(len(search.trials))),
        ("Time", duration(search.seconds)),
        ("Choosing what to try", f"{share(search.sampler_share)} of it"),
    )
    return big, Facts(facts)


def _space_table(search: SearchResult) -> Table:
    rows = []
    for name in search.space.names:
        when = search.space.conditions.get(name)
        told = f"where {when.parent} is {', '.join(map(str, when.values))}" if when is not None else "always"
        rows.append((name, search.space.domains[name].describe(), told))
    return Table("", ("parameter", "domain", "exists"), tuple(rows))


def history_document(history: History, title: str = "A fleet") -> Document:
    """A fleet alone: its curves, its endings, its best members."""
    ranked = sorted(range(len(history.curves)), key=lambda k: history.curves[k].best_loss)
    best = ranked[:1] if ranked and math.isfinite(history.curves[ranked[0]].best_loss) else []
    curves = learning_curves(history, best, "loss")
    total = max(1, len(history.curves))
    endings = Bars(
        "How training ended",
        tuple(
            Bar(
                status.replace("_", " "), (float(n),), f"{count(n)}  ({share(n / total)})", note=status.advice
            )
            for status, n in history.endings
        ),
        f"{count(len(history.curves))} networks; below each cause, what it means for the next attempt.",
    )
    blocks: tuple[Block, ...] = (
        *((curves,) if curves is not None else ()),
        endings,
        _members_table(history, ranked),
    )
    sections = [Section("fleet", "The fleet", "How the networks fared.", blocks if history.curves else ())]
    if best:
        signs = inside(history.curves[best[0]])
        design = history.members[best[0]].design
        sections.append(
            Section("champion", "The champion", "The network of the lowest loss.", (recipe(design), *signs))
        )
    return Document(title, str(history), tuple(section for section in sections if section.blocks))


def _members_table(history: History, ranked: list[int]) -> Table:
    rows = []
    for k in ranked[:MOST_MEMBERS]:
        member, curve = history.members[k], history.curves[k]
        loss = curve.best_loss if math.isfinite(curve.best_loss) else None
        d = member.design
        widths = setting(d.widths)
        row = (k, loss, curve.best_epoch, curve.epochs, curve.status.replace("_", " "), widths, d.activation)
        rows.append((*row, d.lr, d.dropout, member.fold))
    columns = (
        "member",
        "best loss",
        "at epoch",
        "epochs",
        "ended",
        "widths",
        "activation",
        "lr",
        "dropout",
        "fold",
    )
    what = f"The best of {count(len(ranked))} members." if len(ranked) > MOST_MEMBERS else ""
    return Table("Members, best first", columns, tuple(rows), what)


def model_document(model: Model, title: str = "") -> Document:
    """A model alone: its score, its networks, where it comes from, how to use it."""
    score = model.provenance.score
    blocks: list[Block] = []
    if score is not None:
        value, words = score_words(score)
        direction = "higher" if score.greater_is_better else "lower"
        text = (
            f"Measured on {count(score.rows)} rows that no choice has seen. "
            f"{meaning(metric_for(model.task.kind, score.metric), score.value)}"
        )
        blocks.append(BigNumber(value, f"{score.metric} ({direction} is better)", words, text.strip()))
    blocks.append(
        Facts((
            ("Predicts", f"{model.task.target} ({model.task.kind})"),
            ("Inputs", _inputs(model.schema)),
            ("Designs", count(len(model.parts))),
            ("Networks", count(sum(len(part.networks) for part in model.parts))),
        ))
    )  # fmt: skip
    part = max(model.parts, key=lambda one: one.weight)
    champion = (
        drawing(part, model.task.n_outputs, "Its architecture"),
        recipe(part.design, part.networks[0].preprocessing.inputs),
        *ensemble(model),
    )
    rows = tuple((f.name, _kind(f), f.missing, f.distinct) for f in model.schema.features[:300])
    columns = Table("", ("column", "kind", "missing when fitted", "distinct"), rows)
    sections = (
        Section("model", "The model", "What it is and how good it was.", tuple(blocks)),
        Section("champion", "The champion", "The network that weighs most.", champion),
        Section("inputs", "Its inputs", "The columns it needs.", (columns,)),
        Section(
            "use",
            "Use it",
            "",
            (loading("FOLDER", model.schema, classes=not model.task.numeric), origin(model)),
        ),
    )
    return Document(
        title or f"A model of “{model.task.target}”", f"made {moment(model.provenance.created)}", sections
    )


def _inputs(schema: Schema) -> str:
    found = [_kind(feature) for feature in schema.features if feature.shape]
    beside = len(schema.columns) - len(found)
    columns = f"{count(beside)} column{'s' if beside != 1 else ''}"
    return ", ".join([*found, *([columns] if beside or not found else [])])


def _kind(feature: Feature) -> str:
    """What a column holds, with the sizes of pictures and texts."""
    if feature.kind is Kind.PICTURE:
        channels, height, width = feature.shape
        return f"pictures of {height} × {width}" + (" in colour" if channels > 2 else "")
    if feature.kind is Kind.TEXT:
        return f"texts, {count(feature.shape[0])} {feature.format or 'words'} read"
    return feature.kind.value
