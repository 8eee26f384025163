"""Cost and quality of every model alone and of the cascade, as a picture."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmops_plugins.backtest.replay_result import ReplayResult
from llmops_plugins.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["check_plot", "plot_replay"]

_SIZE = (9.0, 5.0)
_DOTS_PER_INCH = 150
_LOGARITHMIC_FROM = 10.0
"""Where the dearest costs so many times the cheapest, a linear axis shows nothing of the cheap ones."""

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body style="font-family: sans-serif; margin: 2em">
<h1 style="font-size: 1.2em">{title}</h1>
{picture}
{notes}
</body>
</html>
"""


@dataclass(frozen=True, kw_only=True)
class _Point:
    label: str
    accuracy: float
    cost_usd: float
    is_single: bool
    accuracy_interval: tuple[float, float] | None = None
    cost_interval: tuple[float, float] | None = None


def check_plot(path: Path | str) -> Path:
    """Return where a plot can be drawn to.

    Raises:
        ConfigurationError: If the file is neither ``.png`` nor ``.html``, or its folder is not there.
        MissingExtraError: If matplotlib is not installed.
    """
    path = Path(path)
    if path.suffix.lower() not in (".png", ".html"):
        raise ConfigurationError("plot", f"{path} must be a .png or .html file")
    if not path.parent.is_dir():
        raise ConfigurationError("plot", f"{path} cannot be written, name a file in a folder that exists")
    try:
        import matplotlib  # noqa: F401 - whether it is there is the question
    except ImportError as error:
        raise MissingExtraError(
            "plot", "needs matplotlib, install it with pip install 'llmops-plugins[plot]'"
        ) from error
    return path


def plot_replay(result: ReplayResult, path: Path | str) -> None:
    """Draw accuracy over cost to a file: a PNG picture, or an HTML page that needs nothing else.

    With halves the cascade is drawn at its means over them, with the intervals of its differences to the best
    single model as error bars.

    Args:
        result: What a replay came to.
        path: A ``.png`` or ``.html`` file.

    Raises:
        ConfigurationError: If no cost is known, or the file cannot be written.
        MissingExtraError: If matplotlib is not installed.
    """
    path = check_plot(path)
    points = _points(result)
    if not points:
        raise ConfigurationError("plot", "needs costs and none is known, name prices in --models FILE")
    title = f"{result.questions:,} questions: accuracy over cost"
    is_page = path.suffix.lower() == ".html"
    drawn = _svg(points, title) if is_page else _png(points, title)
    try:
        path.write_bytes(_page(title, drawn, result.notes) if is_page else drawn)
    except OSError as error:
        raise ConfigurationError(
            "plot", f"{path} cannot be written ({error.strerror}), give it another place"
        ) from error


def _points(result: ReplayResult) -> list[_Point]:
    points = [
        _Point(
            label=f"{model} (best single)" if model == result.best_single else model,
            accuracy=single.accuracy,
            cost_usd=single.cost_usd / single.questions,
            is_single=True,
        )
        for model, single in sorted(result.singles.items(), key=lambda item: -item[1].accuracy)
        if single.cost_usd is not None
    ]
    cascade, halves = result.cascade, result.halves
    if cascade is not None and cascade.cost_usd is not None:
        name = "cascade" if result.graph is None else result.graph
        cost = cascade.cost_usd / result.questions
        points.append(_Point(label=name, accuracy=cascade.accuracy, cost_usd=cost, is_single=False))
    if halves is not None:
        accuracy, single_cost = halves.best_single_accuracy, halves.best_single_cost_usd / halves.questions
        low, high = halves.interval
        cheap, dear = halves.cost_ratio_interval
        points.append(
            _Point(
                label=f"cascade, {halves.count} halves",
                accuracy=halves.accuracy,
                cost_usd=halves.cost_ratio * single_cost,
                is_single=False,
                accuracy_interval=(max(0.0, accuracy + low), min(1.0, accuracy + high)),
                cost_interval=(max(0.0, cheap * single_cost), dear * single_cost),
            )
        )
    return points


_MARKERS = "osv^Dph"
_COLOURS = 10
_CASCADE: dict[str, Any] = {"color": "black", "marker": "*", "markersize": 12, "capsize": 3}


def _figure(points: Sequence[_Point], title: str) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure(figsize=_SIZE, layout="constrained")  # not pyplot's, which is global and may open windows
    axes = figure.add_subplot()
    costs = [point.cost_usd for point in points]
    if min(costs) > 0 and max(costs) / min(costs) >= _LOGARITHMIC_FROM:
        axes.set_xscale("log")
    drawn = [_draw(axes, number, point, min(costs) / 2) for number, point in enumerate(points)]
    legend = figure.legend(drawn, ["-"] * len(drawn), loc="outside right upper", fontsize=8)
    for text, point in zip(legend.get_texts(), points, strict=True):
        text.set_parse_math(False)  # a name may hold dollar signs, or begin with what a legend leaves out
        text.set_text("".join(one if one.isprintable() else " " for one in point.label))
    axes.set_title(title)
    axes.set_xlabel("cost of a question in USD")
    axes.set_ylabel("accuracy")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.margins(0.08)
    axes.grid(visible=True, alpha=0.3)
    return figure


def _draw(axes: Axes, number: int, point: _Point, least_cost: float) -> Any:
    def reach(value: float, interval: tuple[float, float] | None) -> list[list[float]] | None:
        if interval is None:
            return None
        # The mean may lie outside of an interval that is cut off where costs and accuracies end.
        return [[max(0.0, value - interval[0])], [max(0.0, interval[1] - value)]]

    cost_interval = point.cost_interval
    if cost_interval is not None:  # a logarithmic axis has no zero
        cost_interval = (max(cost_interval[0], min(least_cost, point.cost_usd)), cost_interval[1])
    single = {"color": f"C{number % _COLOURS}", "marker": _MARKERS[number // _COLOURS % len(_MARKERS)]}
    return axes.errorbar(
        [point.cost_usd],
        [point.accuracy],
        yerr=reach(point.accuracy, point.accuracy_interval),
        xerr=reach(point.cost_usd, cost_interval),
        linestyle="none",
        **(single if point.is_single else _CASCADE),
    )


def _png(points: Sequence[_Point], title: str) -> bytes:
    drawn = io.BytesIO()
    _figure(points, title).savefig(drawn, format="png", dpi=_DOTS_PER_INCH)
    return drawn.getvalue()


def _svg(points: Sequence[_Point], title: str) -> bytes:
    import matplotlib

    drawn = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "llmops"}):
        _figure(points, title).savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    text = drawn.getvalue()
    return text[text.index(b"<svg") :]


def _page(title: str, picture: bytes, notes: Sequence[str]) -> bytes:
    written = "\n".join(f"<p>{html.escape(note)}</p>" for note in notes)
    page = _PAGE.format(title=html.escape(title), picture=picture.decode(), notes=written)
    return page.encode("utf-8", "backslashreplace")
