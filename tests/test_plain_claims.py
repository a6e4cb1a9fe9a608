"""Short plain sentences through the bundled aligner: what is true scores above what is not.

The pairs were written before the weights were made. Those that the weights still get wrong are
listed with what they give: a change that puts one right must take it off the list.
"""

import json
from pathlib import Path

import pytest

from alignscore_metric import AlignScore

MARGIN = 0.1
PAIRS = json.loads(Path(__file__).with_name("plain_claims.json").read_text(encoding="utf-8"))
WRONG = {
    "Alice beat Bob in the final.": "lost to, with the names in the other order: 0.06 against 0.21",
    "Tom lent Peter twenty dollars.": "lent and borrowed: 0.10 against 0.13",
    "The election was postponed until autumn.": "postponed, and held as planned: 0.28 against 0.36",
}
"""Sources of the pairs that fail, with the reason."""


def case(pair: dict[str, str]) -> object:
    reason = WRONG.get(pair["source"])
    marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
    return pytest.param(pair, id=pair["source"], marks=marks)


@pytest.fixture(scope="module")
def scores() -> dict[tuple[str, str], float]:
    asked = [(p["source"], p[key]) for p in PAIRS for key in ("right", "wrong")]
    metric = AlignScore(device="cpu", precision="fp32")
    found = metric.score([source for source, _ in asked], [claim for _, claim in asked])
    return dict(zip(asked, found, strict=True))


@pytest.mark.parametrize("pair", [case(pair) for pair in PAIRS])
def test_what_is_true_scores_above_what_is_not(pair, scores):
    right, wrong = (scores[pair["source"], pair[key]] for key in ("right", "wrong"))
    assert right - wrong >= MARGIN
