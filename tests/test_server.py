"""The server: its application in process against `AlignScore`, and as a process against sockets."""

import asyncio
import contextlib
import http.client
import itertools
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unicodedata
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from transformers import AutoTokenizer

from alignscore_metric import AlignScore
from alignscore_metric.commands.main import main
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.server.app import build_app
from alignscore_metric.server.batching import Batcher
from alignscore_metric.server.guard import Guard
from alignscore_metric.server.limits import Limits, estimate_pairs, most_sentences, most_tokens
from alignscore_metric.text.pairs import build_pair_table
from alignscore_metric.text.splitters import get_splitter

SOON = 30  # seconds after which a test gives up; nothing here takes so long unless it hangs


@pytest.fixture(scope="module")
def metric(tiny_aligner) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


class Gated:
    """A metric that scores when its gate is open, remembers what it was asked, and can break."""

    def __init__(self, metric):
        self.metric, self.profile, self.signature = metric, metric.profile, metric.signature
        self.gate, self.begun = threading.Event(), threading.Event()
        self.gate.set()
        self.asked: list[str] = []

        self.pair_table, self.count_tokens = metric.pair_table, metric.count_tokens

    def evaluate_table(self, table, **wanted):
        self.begun.set()
        assert self.gate.wait(SOON)
        self.asked += [table.sentences[sentence] for sentence in table.sentence_ids]
        if "break" in table.sentences:
            raise ZeroDivisionError("a secret of the server")
        return self.metric.evaluate_table(table, **wanted)


@contextlib.contextmanager
def serving(metric, *, token=None, batch_wait=0.0, **limits):
    """A client of an application in this process, and its batcher."""
    chosen = Limits(**limits)
    with Batcher(lambda: metric, queue=chosen.queue, wait_seconds=batch_wait) as batcher:
        batcher.loaded.result(timeout=SOON)
        app = build_app(batcher, limits=chosen, token=token)
        yield TestClient(app, raise_server_exceptions=False), batcher


@pytest.fixture(scope="module")
def client(metric):
    with serving(metric, tokens=10**6) as (client, _):  # its tokens are letters
        yield client


def problem(answer, status: int) -> dict:
    """The error of an answer that must be refused, in the one form that refusals have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["error"]
    assert sorted(body["error"]) == ["field", "message", "row"]
    return body["error"]


def holds(condition) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# ------------------------------------------------------------ answers


def test_scores_and_sentences_are_those_of_the_metric(client, metric, example_rows):
    sources = [row["source"] for row in example_rows] + ["Nothing was claimed."]
    summaries = [row["summary"] for row in example_rows] + [" \n"]
    assert any(isinstance(source, list) for source in sources)
    expected = metric.evaluate(sources, summaries)
    body = {"sources": sources, "summaries": summaries, "sentences": True}
    answer = client.post("/score", json=body).json()
    assert answer["scores"][-1] is None
    assert answer["undefined"] == 1
    np.testing.assert_allclose(answer["scores"][:-1], expected.defined, rtol=0, atol=1e-5)
    assert np.ptp(expected.defined) > 0.01  # they differ: an order can be told
    assert answer["signature"] == metric.signature
    for row, found in enumerate(answer["sentences"]):
        same_evidence(found, expected.sentences(row))
    del body["sentences"]
    assert client.post("/score", json=body).json()["sentences"] is None


def same_evidence(found, expected):
    assert len(found) == len(expected)
    for got, want in zip(found, expected, strict=True):
        assert list(got) == ["sentence", "score", "chunk", "chunk_index"]
        wanted = asdict(want) | {"score": pytest.approx(want.score, abs=1e-5)}
        assert got == {name: wanted[name] for name in got}


def test_explain_is_that_of_the_metric(client, metric, example_rows):
    for row in example_rows[:3]:
        pair = {"source": row["source"], "summary": row["summary"]}
        answer = client.post("/explain", json=pair).json()
        same_evidence(answer["sentences"], metric.explain(**pair))
        [score] = metric.score([row["source"]], [row["summary"]])
        assert answer["score"] == pytest.approx(score, abs=1e-5)
        assert answer["signature"] == metric.signature
    empty = client.post("/explain", json={"source": "It rained.", "summary": ""}).json()
    assert empty == {"score": None, "sentences": [], "signature": metric.signature}


@pytest.mark.parametrize("path", ["/alignscore_base", "/alignscore_large"])
@pytest.mark.parametrize("evidence", ["It rained all day.", ["It rained.", "It snowed in May."]])
def test_guardrails_score_is_that_of_the_metric(client, metric, path, evidence):
    answer = client.post(path, json={"evidence": evidence, "claim": "Snow fell.", "more": 1})
    [expected] = metric.score([evidence], ["Snow fell."])
    assert answer.json() == {"alignscore": pytest.approx(expected, abs=1e-5)}


def test_a_claim_without_a_sentence_is_unsupported_to_a_guardrail(client):
    answer = client.post("/alignscore_base", json={"evidence": "It rained.", "claim": " "})
    assert answer.json() == {"alignscore": 0.0}


def test_the_answer_on_the_page_is_the_servers():
    """The request of docs/server.md, asked of the bundled aligner, to the digits that are shown."""
    page = (Path(__file__).parents[1] / "docs" / "server.md").read_text(encoding="utf-8")
    body, shown = re.search(r"/score -d '(\{.*?\})'\n(\{.*?\})\n```", page, re.DOTALL).groups()
    with serving(AlignScore(device="cpu", progress=False)) as (client, _):
        answer = client.post("/score", json=json.loads(body)).json()
    shown = json.loads(shown)
    scores = [None if score is None else round(score, 4) for score in answer["scores"]]
    assert shown == answer | {"scores": scores, "signature": shown["signature"]}
    start, dots = shown["signature"].split("...")
    assert answer["signature"].startswith(start)
    assert dots == ""


def test_no_pair_has_no_score(client, metric):
    answer = client.post("/score", json={"sources": [], "summaries": []}).json()
    assert answer["scores"] == []
    assert answer["undefined"] == 0


def test_concurrent_requests_are_batched_and_get_their_own_scores(metric, example_rows):
    gated = Gated(metric)
    with serving(gated) as (client, batcher), ThreadPoolExecutor(20) as threads:
        release = held(gated, client, threads)
        pairs = [(row["source"], row["summary"]) for row in example_rows[:12]]
        futures = [
            threads.submit(client.post, "/score", json={"sources": [s], "summaries": [c]})
            for s, c in pairs
        ]
        holds(lambda: batcher.depth == len(pairs))
        release()
        for (source, summary), future in zip(pairs, futures, strict=True):
            [score] = future.result(timeout=SOON).json()["scores"]
            assert score == pytest.approx(metric.score([source], [summary])[0], abs=1e-5)
        sizes = samples(client)["alignscore_batch_requests"]
    assert sizes["alignscore_batch_requests_count"] < len(pairs)
    assert sizes["alignscore_batch_requests_sum"] == len(pairs) + 1


def held(gated, client, threads):
    """Occupy the model with a request; what lets it go on, and checks its answer."""
    gated.gate.clear()
    gated.begun.clear()
    body = {"sources": ["held"], "summaries": ["held"]}
    future = threads.submit(client.post, "/score", json=body)
    assert gated.begun.wait(SOON)

    def release():
        gated.gate.set()
        assert future.result(timeout=SOON).status_code == 200

    return release


def samples(client) -> dict[str, dict[str, float]]:
    """Prometheus's samples, by metric and name with labels; read by its own parser."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            labels = "".join(f"|{value}" for value in sample.labels.values())
            found.setdefault(family.name, {})[sample.name + labels] = sample.value
    return found


def test_metrics_count_requests_errors_and_times(metric):
    with serving(metric) as (client, _):
        for summaries in (["a."], ["b."], "none"):
            client.post("/score", json={"sources": ["s"], "summaries": summaries})
        client.get("/made/up")
        client.get("/made/up/too")
        found = samples(client)
    requests = {k: v for k, v in found["alignscore_requests"].items() if "_total" in k}
    assert requests == {
        "alignscore_requests_total|/score|200": 2,
        "alignscore_requests_total|/score|422": 1,
        "alignscore_requests_total|other|404": 2,
    }
    assert found["alignscore_request_seconds"]["alignscore_request_seconds_count|/score"] == 3
    assert found["alignscore_batch_pairs"]["alignscore_batch_pairs_sum"] == 2
    assert found["alignscore_queue_depth"] == {"alignscore_queue_depth": 0}
    assert found["alignscore_in_flight"] == {"alignscore_in_flight": 1}  # this request


def test_health_and_readiness_while_the_model_is_loaded(metric):
    go_on = threading.Event()
    with Batcher(lambda: go_on.wait(SOON) and metric) as batcher:
        client = TestClient(build_app(batcher, limits=Limits()))
        assert client.get("/health").json() == {"status": "loading"}
        refused = client.get("/ready")
        assert "being loaded" in problem(refused, 503)["message"]
        assert refused.headers["retry-after"] == "1"
        problem(client.post("/score", json={"sources": ["s"], "summaries": ["c"]}), 503)
        go_on.set()
        batcher.loaded.result(timeout=SOON)
        assert client.get("/health").json() == {"status": "ready"}
        assert client.get("/ready").json() == {"status": "ready", "signature": metric.signature}
        assert client.post("/score", json={"sources": ["s"], "summaries": ["c"]}).is_success


def test_the_examples_of_the_openapi_document_are_answered(client):
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    posts = {path: item["post"] for path, item in document["paths"].items() if "post" in item}
    calibrated = ["/alignscore_probability", "/predict"]  # which this model is not
    assert sorted(posts) == sorted(
        ["/alignscore_base", "/alignscore_large", "/explain", "/score", *calibrated]
    )
    for path, operation in posts.items():
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        [example] = schemas[reference.rsplit("/", 1)[1]]["examples"]
        wanted = 422 if path in calibrated else 200
        assert client.post(path, json=example).status_code == wanted
        refusal = operation["responses"]["413"]["content"]["application/json"]["schema"]
        assert refusal["$ref"].endswith("/Refused")


# ------------------------------------------------------------ judgments


@pytest.fixture(scope="module")
def bundled() -> AlignScore:
    return AlignScore(device="cpu", progress=False)


@pytest.fixture(scope="module")
def bundled_client(bundled):
    with serving(bundled, tokens=10**6) as (client, _):
        yield client


@pytest.mark.parametrize("objective", ["probability=0.5", "balanced_accuracy", "recall=0.9"])
@pytest.mark.parametrize("spans", [False, True])
def test_judgments_are_those_of_the_metric(bundled_client, bundled, example_rows, objective, spans):
    rows = example_rows[:4]
    sources, summaries = ([row[name] for row in rows] for name in ("source", "summary"))
    summaries[-1] = ""
    body = {"sources": sources, "summaries": summaries, "objective": objective, "spans": spans}
    answer = bundled_client.post("/predict", json=body).json()
    expected = bundled.predict(sources, summaries, objective=objective, spans=spans)
    wanted = expected.to_dict()
    assert answer["threshold"] == pytest.approx(wanted["threshold"])
    assert (answer["objective"], answer["signature"]) == (objective, expected.signature)
    for found, row in zip(answer["judgments"], wanted["rows"], strict=True):
        assert found["consistent"] == row["consistent"]
        assert found["score"] == pytest.approx(row["score"], abs=1e-5)
        assert found["probability"] == pytest.approx(row["probability"], abs=1e-4)
        for one, other in zip(found["sentences"], row["sentences"], strict=True):
            assert one.keys() == other.keys()
            exact = ("sentence", "verdict", "start", "end", "chunk", "passage")
            assert [one[key] for key in exact] == [other[key] for key in exact]
            assert (one["unsupported"] is not None) == spans
            spans_found, spans_wanted = (
                [(span["start"], span["end"]) for span in each["unsupported"] or ()]
                for each in (one, other)
            )
            assert spans_found == spans_wanted


def test_rows_that_are_not_english_are_named_in_the_reply(bundled_client):
    body = {"sources": ["It rained."] * 2, "summaries": ["It rained.", "Шёл дождь."]}
    answer = bundled_client.post("/predict", json=body).json()
    assert answer["warnings"][0].startswith(
        "1 of 2 rows are not in English, by their script (row 1)"
    )


def test_what_cannot_be_judged_is_refused(bundled_client, client):
    body = {"sources": ["It rained."], "summaries": ["It rained."]}
    wrong = problem(bundled_client.post("/predict", json=body | {"objective": "luck"}), 422)
    assert wrong["field"] == "objective"
    assert "probability=X" in wrong["message"]
    absent = problem(client.post("/predict", json=body), 422)
    assert "no calibration" in absent["message"]


def test_the_rails_threshold_is_the_verdicts_where_probabilities_are_asked_for(
    bundled_client, bundled
):
    """NeMo's rail blocks below 0.5, whatever is served."""
    claims = ["The bridge was closed.", "The mayor won a prize.", " "]
    evidence = "The bridge was closed on Monday after an inspection found cracks."
    found = bundled.predict([evidence] * 3, claims)
    for claim, consistent in zip(claims, found.decisions.tolist(), strict=True):
        body = {"evidence": evidence, "claim": claim}
        answer = bundled_client.post("/alignscore_probability", json=body).json()
        assert (answer["alignscore"] > 0.5) == consistent
    assert found.decisions.tolist() == [True, False, False]


def test_the_page_of_docs_names_every_address_and_loads_nothing(client):
    answer = client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    paths = client.get("/openapi.json").json()["paths"]
    assert all(path in answer.text for path in paths)
    assert not re.search(r"<(script|img|link|iframe)|src=|https?://(?!127)", answer.text)


# ------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("path", "body", "status", "message", "field", "row"),
    [
        ("/score", "{oops", 400, "not JSON: Expecting property name", None, None),
        ("/score", "[" * 100_000, 400, "error parsing the body", None, None),
        ("/score", '{"sources": [' + "1" * 5000 + '], "summaries": ["c"]}', 400, "", None, None),
        ("/score", "", 422, "not a JSON object", None, None),
        ("/score", "[1]", 422, "not a JSON object", None, None),
        ("/score", {"sources": ["s"]}, 422, "summaries: Field required", "summaries", None),
        ("/score", {"sources": "s", "summaries": ["c"]}, 422, "valid list", "sources", None),
        ("/score", {"sources": ["s"], "summaries": [None]}, 422, "row 0", "summaries", 0),
        ("/score", {"sources": ["s", 5], "summaries": ["c"] * 2}, 422, "row 1", "sources", 1),
        ("/score", {"sources": [["p", 5]], "summaries": ["c"]}, 422, "passage 1", "sources", 0),
        ("/score", {"sources": [1] * 10**5, "summaries": []}, 422, "row 0", "sources", 0),
        ("/score", {"sources": ["s"], "summaries": ["c"], "sentence": True}, 422, "", "sentence",
         None),
        ("/score", {"sources": [5], "summaries": ["c"], "more": 1}, 422,
         "sources, row 0: Input should be a valid string or a valid list", "sources", 0),
        ("/score", {"source": ["s"], "claims": ["c"]}, 422, "sources: Field required", "sources",
         None),
        ("/explain", {"source": 1, "summary": 2}, 422, "valid string or a valid list", "source",
         None),
        ("/explain", {"source": [1], "summary": 2}, 422, "Input should be a valid string",
         "source", None),
        ("/score", {"sources": ["s"], "summaries": ["c"] * 2}, 422, "1 sources but 2", None, None),
        ("/score", {"sources": ["s"], "summaries": ["\ud800"]}, 422, "surrogate", "summaries", 0),
        ("/score", {"sources": [["p", "\udfff"]], "summaries": ["c"]}, 422, "", "sources", 0),
        ("/explain", {"source": "s", "summary": ["c"]}, 422, "string", "summary", None),
        ("/alignscore_base", {"evidence": "s", "claim": None}, 422, "string", "claim", None),
        ("/alignscore_base", {"evidence": [1], "claim": "c"}, 422, "passage 0", "evidence", None),
    ],
)  # fmt: skip
def test_bad_bodies(client, path, body, status, message, field, row):
    content = body if isinstance(body, str) else json.dumps(body)
    answer = client.post(path, content=content, headers={"Content-Type": "application/json"})
    found = problem(answer, status)
    assert message in found["message"]
    assert (found["field"], found["row"]) == (field, row)
    if message.startswith(("source", "summar")):  # said whole: no other place's error
        assert found["message"].endswith(message)


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_what_a_page_of_another_site_can_send_is_told_to_be_json(client, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    body = b'{"sources": [], "summaries": []}'
    found = problem(client.post("/score", content=body, headers=headers), 422)
    assert "Content-Type: application/json" in found["message"]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/score", 405), ("GET", "/x", 404)])
def test_wrong_addresses(client, method, path, status):
    assert path in problem(client.request(method, path), status)["message"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/score/"), ("GET", "/ready/")])
def test_no_address_leads_to_where_the_clients_host_header_says(client, method, path):
    options = {"headers": {"Host": "elsewhere.example"}, "follow_redirects": False}
    answer = client.request(method, path, **options)
    assert path in problem(answer, 404)["message"]
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("limits", "sources", "summaries", "message", "row"),
    [
        ({"characters": 10}, ["s", "s" * 11], ["c", "c"], "sources, row 1: a text of 11", 1),
        ({"characters": 10}, ["s", ["p", "p" * 11]], ["c", "c"], "sources, row 1", 1),
        ({"characters": 10}, ["s", "s"], ["c", "c" * 11], "summaries, row 1", 1),
        ({"texts": 4}, ["s", "s", "s"], ["c", "c", "c"], "row 2", 2),
        ({"texts": 4}, ["s", ["p", "p"]], ["c", "c"], "row 1", 1),
        ({}, ["s"], ["No. " * 5000], "row 0 takes the request to about 5000", 0),
        ({}, ["w" * 90_000], ["No. " * 20], "pairs", 0),
        ({}, ["word " * 19_000, "s"], ["Yes. " * 10, "c"], "pairs", 0),
    ],
)
def test_more_than_the_limits_names_the_row(metric, limits, sources, summaries, message, row):
    gated = Gated(metric)
    with serving(gated, **limits) as (client, _):
        body = {"sources": sources, "summaries": summaries}
        if row:  # what comes before that row is within the limits
            before = {"sources": sources[:row], "summaries": summaries[:row]}
            assert client.post("/score", json=before).status_code == 200
        asked = len(gated.asked)
        found = problem(client.post("/score", json=body), 413)
        assert message in found["message"]
        assert found["row"] == row
    assert len(gated.asked) == asked


MARKS = ["!?. ", "! ? . ", "?!", 'No." ', "Hm.) ", "a! "]


@pytest.mark.parametrize("marks", MARKS)
def test_sentences_made_of_marks_are_counted_as_they_are_split(metric, marks):
    """Sentences that differ, of as little as possible: as many pairs as they are."""
    text = marks * 50
    assert len(metric.pair_table(["s"], [text]).sentence_ids) <= most_sentences(text) <= 151


@given(st.text(alphabet=".?!)\"' aB1\n", max_size=60))
def test_no_text_has_more_sentences_than_are_counted(text):
    assert len(get_splitter("bundled_punkt").split(text)) <= most_sentences(text)


def test_a_small_request_for_much_work_is_refused_before_any_is_done(metric):
    """Of claims that are marks, and of CJK sources that words do not measure."""
    gated = Gated(metric)
    marks = "".join(map("".join, itertools.product("!?", repeat=9)))
    cases = {
        "(chunk, sentence) pairs": (["word " * 3000], [" ".join(re.findall(".{9}", marks))]),
        "tokens in its pairs": (["\u5b57" * 3000] * 9, [f"It is {n}." for n in range(9)]),
    }
    with serving(gated, pairs=400, tokens=4000) as (client, _):
        for message, (sources, summaries) in cases.items():
            body = {"sources": sources, "summaries": summaries}
            assert message in problem(client.post("/score", json=body), 413)["message"]
        assert gated.asked == []
        small = {"sources": ["\u5b57" * 300], "summaries": ["It is 1."]}
        assert client.post("/score", json=small).status_code == 200


def test_tokens_are_those_that_are_scored(metric, example_rows):
    sources = [row["source"] for row in example_rows[:5]] + ["river " * 700]
    table = metric.pair_table(sources, [row["summary"] for row in example_rows[:6]])
    tokenizer = AutoTokenizer.from_pretrained(metric._pipeline.engine.tokenizer.folder)
    texts = [(table.chunks[c], table.sentences[s]) for c, s in table.pairs]
    expected = tokenizer(texts, truncation="only_first", max_length=512)["input_ids"]
    assert metric.count_tokens(table) == sum(map(len, expected))
    assert most_tokens(table) >= sum(map(len, tokenizer(texts)["input_ids"]))


@pytest.mark.parametrize(
    "text", ["\ufdfa" * 9, "\U0001f469" * 9, "\u1e69" * 9, "[UNK]" * 9, "a b" * 9]
)
def test_no_tokenizer_makes_more_tokens_than_are_allowed_for(byte_tokenizer, text):
    table = build_pair_table(
        [text], [text], split_source=lambda s: [s], split_summary=lambda s: [s]
    )
    tokens = AutoTokenizer.from_pretrained(byte_tokenizer)(text, text)["input_ids"]
    assert len(tokens) <= most_tokens(table)
    decomposed = unicodedata.normalize("NFKD", text)  # a token a character, after normalisation
    assert 2 * len(decomposed) <= most_tokens(table)


def test_a_body_larger_than_the_limit_is_not_even_parsed(metric):
    with serving(metric, body=1000) as (client, _):
        found = problem(client.post("/score", content=b"[" * 1001), 413)
        assert "larger than 1000 bytes" in found["message"]
        chunks = (b"[" * 100 for _ in range(11))
        problem(client.post("/score", content=chunks), 413)
        headers = {"Content-Type": "application/json"}
        problem(client.post("/score", content=b"[" * 1000, headers=headers), 400)


def test_estimate_of_pairs_is_about_right(metric, example_rows):
    texts = [*example_rows, {"source": "s", "summary": 'He said "no." (Yes!) U.S. 1.5? Ah'}]
    for row in texts:
        table = metric.pair_table([row["source"]], [row["summary"]])
        passages = [row["source"]] if isinstance(row["source"], str) else row["source"]
        estimate = estimate_pairs(passages, row["summary"], metric.profile)
        assert len(table.pairs) / 2 <= estimate <= 3 * len(table.pairs)


def test_token(metric):
    with serving(metric, token="s3cret") as (client, _):  # noqa: S106
        body = {"sources": ["s"], "summaries": ["c"]}
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "s3cret"}):
            answer = client.post("/score", json=body, headers=given)
            assert "Authorization: Bearer" in problem(answer, 401)["message"]
            assert answer.headers["www-authenticate"] == "Bearer"
        problem(client.get("/metrics"), 401)
        assert client.get("/health").status_code == client.get("/ready").status_code == 200
        right = {"Authorization": "Bearer s3cret"}
        assert client.post("/score", json=body, headers=right).status_code == 200


@pytest.mark.parametrize("token", ["", " ", "\n", "ge\u00fcheim", "s3cret\n", " s3cret", "a\x7fb"])
def test_a_token_that_protects_nothing_or_matches_nobody_is_refused(
    metric, token, monkeypatch, capsys
):
    with pytest.raises(ConfigurationError, match="the token is empty, or has characters"):
        build_app(Batcher(lambda: metric), limits=Limits(), token=token)
    monkeypatch.setenv("ALIGNSCORE_TOKEN", token)
    assert main(["serve", "--port", "0"]) == 2
    assert "ALIGNSCORE_TOKEN" in capsys.readouterr().err


@pytest.mark.parametrize("token", ["~", "a b", "x" * 500, "a=+/~."])
def test_any_token_that_a_header_can_carry_is_taken(metric, token):
    with serving(metric, token=token) as (client, _):
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/metrics", headers=headers).status_code == 200
        problem(client.get("/metrics"), 401)


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize("host", ["", " ", "\t"])
def test_an_empty_host_is_refused(host, capsys):
    assert main(["serve", "--port", "0", "--host", host]) == 2
    assert "--host is empty" in capsys.readouterr().err


def test_a_failure_of_the_server_tells_the_client_nothing_and_fails_no_other(metric):
    gated = Gated(metric)
    with serving(gated) as (client, batcher), ThreadPoolExecutor(3) as threads:
        release = held(gated, client, threads)
        bodies = [{"source": "s", "summary": summary} for summary in ("break", "fine")]
        futures = [threads.submit(client.post, "/explain", json=body) for body in bodies]
        holds(lambda: batcher.depth == 2)
        release()
        broken, fine = (future.result(timeout=SOON) for future in futures)
    problem(broken, 500)
    for secret in ("secret", "ZeroDivision", "Traceback", ".py"):
        assert secret not in broken.text
    assert fine.status_code == 200


# ------------------------------------------------------------ load


def test_a_full_queue_is_503_and_recovers(metric):
    gated = Gated(metric)
    body = {"sources": ["s"], "summaries": ["c"]}
    with serving(gated, queue=2) as (client, batcher), ThreadPoolExecutor(3) as threads:
        release = held(gated, client, threads)
        waiting = [threads.submit(client.post, "/score", json=body) for _ in range(2)]
        holds(lambda: batcher.depth == 2)
        refused = client.post("/score", json=body)
        assert "2 requests wait" in problem(refused, 503)["message"]
        assert refused.headers["retry-after"] == "1"
        release()
        assert [f.result(timeout=SOON).status_code for f in waiting] == [200, 200]
        assert client.post("/score", json=body).status_code == 200


def test_a_request_that_waits_too_long_is_504_and_its_work_dropped(metric):
    gated = Gated(metric)
    with serving(gated) as (client, batcher), ThreadPoolExecutor(1) as threads:
        release = held(gated, client, threads)
        hasty = TestClient(build_app(batcher, limits=Limits(answer_seconds=0.05)))
        late = hasty.post("/score", json={"sources": ["s"], "summaries": ["late"]})
        assert "no answer after" in problem(late, 504)["message"]
        holds(lambda: batcher.depth == 0)
        release()
        assert client.post("/score", json={"sources": ["s"], "summaries": ["next"]}).is_success
    assert gated.asked == ["held", "next"]


def test_the_work_of_a_client_that_left_is_dropped(metric):
    gated = Gated(metric)
    sent = []

    async def request(app, batcher):
        body = json.dumps({"sources": ["s"], "summaries": ["left"]}).encode()
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            if messages:
                return messages.pop()
            while batcher.depth == 0:
                await asyncio.sleep(0.01)
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message.get("status"))

        headers = [(b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/score", "headers": headers}
        await app(scope | {"query_string": b"", "http_version": "1.1"}, receive, send)

    with serving(gated) as (client, batcher), ThreadPoolExecutor(1) as threads:
        release = held(gated, client, threads)
        asyncio.run(asyncio.wait_for(request(client.app, batcher), SOON))
        assert batcher.depth == 0
        release()
        found = samples(client)["alignscore_requests"]
        assert found["alignscore_requests_total|/score|499"] == 1
    assert gated.asked == ["held"]


def test_bodies_on_their_way_are_counted_and_hold_up_nobody_else():
    statuses = []

    async def app(scope, receive, send):
        assert scope["method"] == "GET" or (await receive())["body"] == b"{}"
        await send({"type": "http.response.start", "status": 200})

    async def send(message):
        statuses.append(message.get("status"))

    async def main():
        guard, go_on = Guard(app, limits=Limits(queue=2)), asyncio.Event()

        async def receive():
            await go_on.wait()
            return {"type": "http.request", "body": b"{}"}

        def request(method):
            return guard(
                {"type": "http", "method": method, "path": "/", "headers": []}, receive, send
            )

        slow = [asyncio.ensure_future(request("POST")) for _ in range(2)]
        while guard._reading < 2:
            await asyncio.sleep(0)
        await request("POST")
        await request("GET")
        assert [status for status in statuses if status] == [503, 200]
        go_on.set()
        await asyncio.gather(*slow)
        await request("POST")

    asyncio.run(asyncio.wait_for(main(), SOON))
    assert [status for status in statuses if status] == [503, 200, 200, 200, 200]


# ------------------------------------------------------------ as a process


class Process:
    """`alignscore serve` on a free port; sockets to it."""

    def __init__(self, tiny_aligner, *options):
        command = [sys.executable, "-m", "alignscore_metric", "serve", "--port", "0"]
        self.process = subprocess.Popen(
            [*command, "--model", str(tiny_aligner), *options],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def __enter__(self):
        lines = [self.process.stderr.readline() for _ in range(2)]
        if "ready, alignscore|" not in lines[1]:
            self.__exit__()
            pytest.fail(f"the server did not start: {lines}")
        self.port = int(re.search(r"http://127\.0\.0\.1:(\d+)", lines[0])[1])
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def stop(self) -> str:
        """Ask it to end; what it says."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=SOON)
        return said

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=SOON)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=SOON) as answer:
            return answer.read().decode()

    def is_alive(self) -> bool:
        return json.loads(self.get("/health")) == {"status": "ready"}


@pytest.fixture(scope="module")
def process(tiny_aligner):
    with Process(tiny_aligner, "--max-body", "100000", "--read-timeout", "1") as process:
        yield process


def score_request(body: bytes, *headers: str) -> bytes:
    given = ["POST /score HTTP/1.1", "Host: x", "Content-Type: application/json", *headers]
    return "\r\n".join([*given, "", ""]).encode() + body


def answer_of(connection: socket.socket) -> tuple[int, dict]:
    """Status and JSON of the answer, read until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            received += data
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower(), received
    assert b"connection: close" in head.lower()
    return int(head.split()[1]), json.loads(body)


def test_a_declared_size_beyond_the_limit_is_refused_before_the_body_comes(process):
    with process.connect() as connection:
        connection.sendall(score_request(b"", "Content-Length: 99999999999"))
        status, body = answer_of(connection)
    assert status == 413
    assert "100000 bytes" in body["error"]["message"]
    assert process.is_alive()


def test_an_endless_chunked_body_is_refused_and_cut(process):
    sent = 0
    with process.connect() as connection:
        connection.sendall(score_request(b"", "Transfer-Encoding: chunked"))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while sent < 10**9:
                connection.sendall(b"2710\r\n" + b"[" * 10_000 + b"\r\n")
                sent += 10_000
    assert sent < 10**8
    assert process.is_alive()


def test_a_chunked_body_just_beyond_the_limit_is_told_so(process):
    with process.connect() as connection:
        chunks = b"2710\r\n" + b"[" * 10_000 + b"\r\n"
        connection.sendall(score_request(chunks * 11, "Transfer-Encoding: chunked"))
        assert answer_of(connection)[0] == 413


def test_a_body_that_comes_too_slowly(process):
    with process.connect() as connection:
        connection.sendall(score_request(b'{"sources": [', "Content-Length: 100"))
        status, body = answer_of(connection)
    assert status == 408
    assert "after 1 s" in body["error"]["message"]


@pytest.mark.parametrize("start", [b"", b"POST /score HT", b"POST /score HTTP/1.1\r\nHost: x\r\nA"])
def test_headers_that_do_not_come_end_the_connection(process, start):
    with process.connect() as connection:
        connection.sendall(start)
        assert connection.recv(100) == b""
    assert process.is_alive()


def test_headers_of_a_second_request_that_do_not_come_end_the_connection(process):
    with process.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /hea")
        received = b""
        while data := connection.recv(65536):
            received += data
    assert received.count(b"HTTP/1.1 200") == 1


def test_a_keep_alive_connection_answers_several_requests(process, metric):
    [expected] = metric.score(["It rained."], ["It was dry."])
    body = json.dumps({"sources": ["It rained."], "summaries": ["It was dry."]}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=SOON)
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("POST", "/score", body, {"Content-Type": "application/json"})
            [score] = json.loads(connection.getresponse().read())["scores"]
            assert score == pytest.approx(expected, abs=1e-5)


def test_headers_without_end_are_refused(process):
    with process.connect() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(b"GET / HTTP/1.1\r\nA: " + b"a" * 10**6)
        assert b"400" in connection.recv(65536)
    assert process.is_alive()


@pytest.mark.slow
def test_sigterm_answers_what_was_accepted_and_exits_with_0(tiny_aligner, metric):
    requests = [(f"It rained on day {i}.", f"Day {i} was dry.") for i in range(5)]
    expected = metric.score(*zip(*requests, strict=True))
    # Each waits two seconds for company: they are there, and not begun, when the signal comes.
    with Process(tiny_aligner, "--batch-wait", "2000") as process, contextlib.ExitStack() as stack:
        connections = []
        for source, summary in requests:
            connections.append(stack.enter_context(process.connect()))
            body = json.dumps({"sources": [source], "summaries": [summary]}).encode()
            connections[-1].sendall(score_request(body, f"Content-Length: {len(body)}"))
        holds(lambda: "alignscore_queue_depth 5.0" in process.get("/metrics"))
        said = process.stop()
        for connection, score in zip(connections, expected, strict=True):
            status, body = answer_of(connection)
            assert status == 200
            assert body["scores"] == [pytest.approx(score, abs=1e-5)]
        with pytest.raises(ConnectionRefusedError):
            process.connect()
        assert process.process.returncode == 0
    assert re.fullmatch(r"alignscore: stopped; \d+ requests answered, 0 not\n", said)


@pytest.fixture
def own_signals():
    """Undo what the command does to this process's signals."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_signals")
def test_a_port_that_is_taken(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in capsys.readouterr().err


@pytest.mark.usefixtures("own_signals")
def test_a_model_that_is_not_there(tmp_path, capsys):
    assert main(["serve", "--port", "0", "--model", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("alignscore: ")
    assert "has no config.json" in err
    assert "Traceback" not in err


def test_a_missing_library_names_the_extra(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "alignscore_metric.server.app")
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert main(["serve"]) == 2
    assert "pip install 'alignscore-metric[server]'" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--max-body", "--batch-pairs", "--timeout"])
def test_options_out_of_range(option, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["serve", option, "0"])
    assert caught.value.code == 2
    assert "0 is below 1" in capsys.readouterr().err
