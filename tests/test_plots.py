"""Plots: what is drawn, against numpy and the results' own numbers."""

import io
import sys
import warnings

import numpy as np
import pytest

from alignscore_metric import InputError, MissingResourceError
from alignscore_metric.report.plots import plot_means, plot_systems, score_edges, score_range
from alignscore_metric.result import AlignScoreResult
from alignscore_metric.text.pairs import build_pair_table

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402  # after the choice of backend
from matplotlib.patches import StepPatch  # noqa: E402

NONE = np.array([], dtype=np.int64)


def result_of(scores) -> AlignScoreResult:
    """Scores of as many sources, summaries without evidence."""
    sources = [str(number) for number in range(len(scores))]
    table = build_pair_table(
        sources, [""] * len(scores), split_source=list, split_summary=str.split
    )
    return AlignScoreResult(np.array(scores, dtype=float), np.array([]), NONE, table, "signature")


def random_scores(seed: int, count: int = 80, shift: float = 0.0) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).random(count) + shift, 0, 1)


#: Neither by name nor as given in the order of their means.
SYSTEMS = {
    "b $\\broken{": result_of([*random_scores(1, shift=0.1), np.nan]),
    "a": result_of(random_scores(2, 40, shift=0.5)),
    "c": result_of(random_scores(3, shift=-0.3)),
}
WORST_FIRST = ["c", "b $\\broken{", "a"]


@pytest.fixture(autouse=True)
def closed_figures():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    pyplot.close("all")


def draw(axes) -> bytes:
    """The picture, as a file: also raises what only drawing raises."""
    written = io.BytesIO()
    axes.figure.savefig(written, format="png")
    assert written.getvalue().startswith(b"\x89PNG")
    return written.getvalue()


def steps(axes) -> list[StepPatch]:
    return [patch for patch in axes.patches if isinstance(patch, StepPatch)]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([0.2, 0.7], (0, 1)), ([-1, 0.5, np.nan], (-1, 1)), ([3.0], (0, 3)), ([np.nan], (0, 1))],
)
def test_bins_cover_all_scores_and_no_less_than_0_to_1(scores, expected):
    assert score_range(np.array(scores)) == expected
    assert score_edges(np.array(scores)).tolist() == np.linspace(*expected, 21).tolist()


@pytest.mark.parametrize("factor", [1, 4])
def test_the_distribution_of_a_result(factor):
    scores = random_scores(0) * factor
    result = result_of([*scores, np.nan])
    axes = result.plot()
    [bars] = steps(axes)
    counts, edges = np.histogram(scores, bins=20, range=(0, max(1, scores.max())))
    assert bars.get_data().values.tolist() == counts.tolist()
    np.testing.assert_allclose(bars.get_data().edges, edges)
    [line] = axes.lines
    assert line.get_xdata()[0] == pytest.approx(scores.mean())
    [span] = [patch for patch in axes.patches if patch.get_label() == "95% interval"]
    assert (span.get_x(), span.get_x() + span.get_width()) == pytest.approx(result.ci())
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["95% interval", f"mean {scores.mean():.3f}"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("AlignScore", "examples")
    draw(axes)


def test_one_score_has_no_interval():
    axes = result_of([0.5]).plot()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["mean 0.500"]
    draw(axes)


def test_a_plot_is_drawn_where_it_is_asked_for():
    _, places = pyplot.subplots(1, 3)
    given = [SYSTEMS["a"].plot(places[0]), plot_systems(SYSTEMS, places[1])]
    given.append(plot_means(SYSTEMS, places[2]))
    assert given == list(places)
    assert pyplot.get_fignums() == [1]
    draw(places[0])


def test_distributions_of_systems():
    axes = plot_systems(SYSTEMS)
    assert [label.get_text() for label in axes.get_yticklabels()] == WORST_FIRST
    shares = [
        np.histogram(SYSTEMS[name].defined, 20, (0, 1))[0] / len(SYSTEMS[name].defined)
        for name in WORST_FIRST
    ]
    drawn = [patch.get_data() for patch in steps(axes)]
    heights = [data.values - place for place, data in enumerate(drawn)]
    assert [float(data.baseline) for data in drawn] == [0, 1, 2]
    scale = np.max(heights) / np.max(shares)
    np.testing.assert_allclose(heights, scale * np.array(shares))
    assert 0.5 < np.max(heights) < 1  # a system's bars do not reach into the next one's
    means = [lines.get_segments()[0][0] for lines in axes.collections]
    np.testing.assert_allclose(
        means, [(SYSTEMS[name].mean, place) for place, name in enumerate(WORST_FIRST)]
    )
    draw(axes)


def test_means_of_systems_with_their_intervals():
    one = {"single": result_of([0.01])}
    axes = plot_means(SYSTEMS | one)
    names = ["single", *WORST_FIRST]
    results = [(SYSTEMS | one)[name] for name in names]
    assert [label.get_text() for label in axes.get_yticklabels()] == names
    assert [float(line.get_xdata()[0]) for line in axes.lines] == [r.mean for r in results]
    assert [text.get_text() for text in axes.texts] == [f"{r.mean:.3f}" for r in results]
    ends = [lines.get_segments() for lines in axes.collections]
    for place, (segments, result) in enumerate(zip(ends, results, strict=True)):
        if len(result) > 1:
            [[(low, y), (high, _)]] = segments
            assert (low, high, y) == pytest.approx((*result.ci(), place))
    draw(axes)


@pytest.mark.parametrize("plot", [plot_systems, plot_means])
def test_what_cannot_be_drawn(plot):
    with pytest.raises(InputError, match="no system"):
        plot({})
    with pytest.raises(InputError, match="silent has no defined score"):
        plot(SYSTEMS | {"silent": result_of([np.nan])})
    with pytest.raises(InputError, match="no defined score"):
        result_of([]).plot()


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    for draw_one in (SYSTEMS["a"].plot, lambda: plot_means(SYSTEMS), lambda: plot_systems(SYSTEMS)):
        with pytest.raises(MissingResourceError, match=r"pip install 'alignscore-metric\[plots\]'"):
            draw_one()
