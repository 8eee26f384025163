import re
import struct
import sys
from html.parser import HTMLParser

import pytest

from llmops_plugins.backtest.halves import HalvesOutcome
from llmops_plugins.backtest.plot import plot_replay
from llmops_plugins.backtest.replay_result import CascadeOutcome, ReplayResult
from llmops_plugins.errors import ConfigurationError, MissingExtraError
from llmops_plugins.records.singles import Single

NAME = "_a $tricky$ <name> & more"


def outcome(**changes):
    fields = {
        "accuracy": 0.9,
        "cost_usd": 2.0,
        "cost_ratio": 0.2,
        "calls": {},
        "tiers": [],
        "answered_by": {},
    }
    return CascadeOutcome(**fields | {"seconds": 1.0} | changes)


def halves(**changes):
    fields = {
        "count": 20,
        "questions": 50,
        "accuracy": 0.89,
        "best_single_accuracy": 0.9,
        "interval": (-0.03, 0.01),
        "cost_usd": 1.0,
        "best_single_cost_usd": 5.0,
        "cost_ratio": 0.2,
        "cost_ratio_interval": (-0.1, 0.5),
        "risk": 0.01,
        "max_risk_kept": None,
        "refused": 0,
        "without_cascade": 0,
    }
    return HalvesOutcome(**fields | changes)


def result(costs=(10.0, 0.1), **changes):
    singles = {
        name: Single(accuracy=accuracy, cost_usd=cost, questions=100)
        for name, accuracy, cost in zip(("large", NAME), (0.9, 0.7), costs, strict=True)
    }
    fields = {"questions": 100, "singles": singles, "best_single": "large", "cascade": outcome()}
    return ReplayResult(**fields | changes)


def texts(path):
    """Every text of a page, and the names of its elements."""
    found, elements = [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            elements.append(tag)
            assert tag not in ("script", "link", "img", "iframe")
            for name, value in attrs:
                assert not (name.endswith(("src", "href")) and not value.startswith("#")), value

        def handle_data(self, data):
            found.append(data)

    Reader().feed(path.read_text())
    return found, elements


def test_a_page_holds_the_picture_and_needs_nothing_else(tmp_path):
    plot_replay(result(halves=halves(), notes=["a < b"]), tmp_path / "plot.html")
    found, elements = texts(tmp_path / "plot.html")
    assert elements.count("svg") == 1
    for label in ("large (best single)", NAME, "cascade", "cascade, 20 halves", "a < b"):
        assert any(label == one.strip() for one in found), label
    page = (tmp_path / "plot.html").read_text()
    assert not re.search(r"url\((?!#)", page)
    assert "<name>" not in page


def test_a_picture_is_a_png(tmp_path):
    plot_replay(result(), tmp_path / "plot.PNG")
    data = (tmp_path / "plot.PNG").read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    assert data.startswith(b"\x89PNG")
    assert width > height > 500


def test_equal_results_make_equal_pages(tmp_path):
    for name in ("one.html", "other.html"):
        plot_replay(result(halves=halves()), tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "other.html").read_bytes()


@pytest.mark.parametrize(
    "drawn",
    [
        result(costs=(10.0, None)),
        result(costs=(10.0, 0.0)),
        result(cascade=None, halves=halves(interval=(0.0, 0.0), cost_ratio_interval=(1.0, 1.0))),
        result(cascade=outcome(cost_usd=None)),
        result(cascade=outcome(cost_usd=0.0)),
        result(graph="app:build"),
        result(halves=halves(accuracy=1.0, interval=(0.2, 0.3))),
    ],
    ids=["no price", "free", "only halves", "unpriced cascade", "free cascade", "graph", "cut off"],
)
def test_whatever_is_known_is_drawn(tmp_path, drawn):
    plot_replay(drawn, tmp_path / "plot.html")
    found, _ = texts(tmp_path / "plot.html")
    assert any(one.strip() == "large (best single)" for one in found)
    if drawn.graph is not None:
        assert any(one.strip() == "app:build" for one in found)


def test_without_any_cost_there_is_nothing_to_draw(tmp_path):
    with pytest.raises(ConfigurationError, match=r"^plot: needs costs"):
        plot_replay(result(costs=(None, None), cascade=None), tmp_path / "plot.png")


@pytest.mark.parametrize(
    ("name", "said"), [("plot.pdf", ".png or .html"), ("no/plot.png", "folder that exists")]
)
def test_a_place_that_will_not_do_is_refused(tmp_path, name, said):
    with pytest.raises(ConfigurationError, match=f"^plot: .*{said}"):
        plot_replay(result(), tmp_path / name)


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"llmops-plugins\[plot\]"):
        plot_replay(result(), tmp_path / "plot.png")
