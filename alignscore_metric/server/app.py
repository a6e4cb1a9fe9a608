"""The routes and their schemas: JSON in, JSON out. Scores nothing itself; a batcher does."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.result import PredictionResult, Verdict, checked, predict_result
from alignscore_metric.scores.decisions import VERDICT
from alignscore_metric.server.batching import (
    SCORES_ALONE,
    Batcher,
    BatchPart,
    QueueFullError,
    ServedMetric,
    Wanted,
)
from alignscore_metric.server.docs import POLICY, docs_page
from alignscore_metric.server.guard import Guard, check_token, refusal_response
from alignscore_metric.server.limits import Limits, RefusalError
from alignscore_metric.server.monitor import CLIENT_GONE, Monitor, Monitored
from alignscore_metric.text.languages import told
from alignscore_metric.text.pairs import Source
from alignscore_metric.version import __version__

# Only the first error of a list: a million numbers must not make a million errors.
Texts = Annotated[list[str], Field(fail_fast=True)]
Sources = Annotated[list[str | Texts], Field(fail_fast=True)]
SOURCE = "The bridge was closed on Monday after an inspection found cracks."
SUMMARY = "The bridge was closed. It opened on Friday."


class Problem(BaseModel):
    """Why there is no answer."""

    message: str = Field(description="what is wrong, where, and what to do")
    field: str | None = Field(description="field of the body that is wrong, if it is one")
    row: int | None = Field(description="row of that field, from 0, if it is one")


class Refused(BaseModel):
    """The body of every answer that is not 200."""

    error: Problem


class ScoreRequest(BaseModel):
    """Pairs of a source and a summary."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"sources": [SOURCE], "summaries": [SUMMARY], "sentences": True}]
        },
    )
    sources: Sources = Field(
        description="one per summary: a text, or a list of passages that chunks never cross"
    )
    summaries: Texts = Field(description="summaries, answers or claims")
    sentences: bool = Field(False, description="also give each sentence with its best chunk")


class ExplainRequest(BaseModel):
    """One source and one summary."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"source": SOURCE, "summary": SUMMARY}]}
    )
    source: str | Texts = Field(description="a text, or a list of passages")
    summary: str = Field(description="a summary, an answer or a claim")


class GuardrailRequest(BaseModel):
    """What NeMo Guardrails asks."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"evidence": [SOURCE], "claim": "The bridge was closed."}]}
    )
    evidence: str | Texts = Field(description="a text, or a list of retrieved chunks")
    claim: str = Field(description="the bot's answer")


class Sentence(BaseModel):
    """A sentence of a summary and what supports it best."""

    sentence: str
    score: float = Field(description="how far it is supported: the maximum over the chunks")
    chunk: str = Field(description="the chunk that gave it; where none supports it, the likeliest")
    chunk_index: int = Field(description="place of that chunk in its source, from 0")


class PredictRequest(BaseModel):
    """Pairs of a source and a summary to be judged."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"sources": [SOURCE], "summaries": [SUMMARY], "spans": True}]
        },
    )
    sources: Sources = Field(
        description="one per summary: a text, or a list of passages that chunks never cross"
    )
    summaries: Texts = Field(description="summaries, answers or claims")
    objective: str = Field(
        VERDICT,
        description="what the threshold serves: probability=P judges consistent what is so with a "
        "probability above P; or one that was fitted, as balanced_accuracy",
    )
    spans: bool = Field(False, description="also find the words that the source does not support")


class Span(BaseModel):
    """Words of a summary that the source does not support."""

    start: int = Field(description="first character in the summary, from 0, in code points")
    end: int = Field(description="the one after its last")
    text: str
    score: float = Field(description="how unsupported, in [0, 1]")


class Contradicting(BaseModel):
    """The chunk of a source that contradicts a sentence most."""

    contradiction: float = Field(description="probability that it does")
    chunk_index: int = Field(description="its place in its source, from 0")
    passage: int | None = Field(description="number of its passage; null where it holds several")
    chunk_start: int | None = Field(description="its first character in that passage")
    chunk_end: int | None = Field(description="the one after its last")


class JudgedSentence(Sentence):
    """A sentence of a summary, its verdict, and the chunk to read beside it."""

    start: int = Field(description="its first character in the summary, from 0, in code points")
    end: int = Field(description="the one after its last")
    verdict: Verdict = Field(
        description="supported; or contradicted by the source, unmentioned in it, or unsupported "
        "where the model cannot tell these apart or thinks neither likeliest"
    )
    passage: int | None = Field(description="number of the chunk's passage, from 0")
    chunk_start: int | None = Field(description="the chunk's first character in that passage")
    chunk_end: int | None = Field(description="the one after its last")
    neutral: float | None = Field(description="probability that the chunk says nothing of it")
    contradiction: float | None = Field(description="probability that the chunk contradicts it")
    worst: Contradicting | None = Field(description="the chunk that does most, if another one")
    unsupported: list[Span] | None = Field(description="where asked for")


class Judgment(BaseModel):
    """One summary, judged."""

    score: float | None = Field(description="null for a summary without a sentence")
    probability: float | None = Field(description="of being consistent; null where the score is")
    consistent: bool = Field(description="whether the score is above the threshold")
    sentences: list[JudgedSentence]


class Judgments(BaseModel):
    """A judgment per summary."""

    judgments: list[Judgment]
    objective: str
    threshold: float | None = Field(description="what a score must exceed; null: none is above it")
    warnings: list[str] = Field(description="what makes scores mean less than usual")
    signature: str = Field(description="what the judgments depend on; quote it beside them")


class Scores(BaseModel):
    """A score per summary."""

    scores: list[float | None] = Field(description="null for a summary without a sentence")
    undefined: int = Field(description="how many scores are null")
    sentences: list[list[Sentence]] | None = Field(description="per summary, where asked for")
    signature: str = Field(description="what the scores depend on; quote it beside them")


class Explanation(BaseModel):
    """One summary's score and where it comes from."""

    score: float | None = Field(description="null for a summary without a sentence")
    sentences: list[Sentence]
    signature: str


class GuardrailScore(BaseModel):
    """What NeMo Guardrails reads; it blocks an answer below 0.5."""

    alignscore: float = Field(description="0 for a claim without a sentence: nothing supports it")


def build_app(batcher: Batcher, *, limits: Limits, token: str | None = None) -> FastAPI:
    """The application.

    Args:
        batcher: What owns the model; already entered, or to be before the first request.
        limits: What a client may ask for.
        token: That clients must send, if any.

    Returns:
        The application; its `state.monitor` is the `Monitor` that counts its requests.

    Raises:
        ConfigurationError: The token is blank, or none that a client could send.
    """
    check_token(token)
    monitor = Monitor(lambda: batcher.depth)
    batcher.on_batch = monitor.observe_batch
    batcher.check = limits.check_table
    app = FastAPI(
        title="AlignScore",
        version=__version__,
        description="How far summaries, answers and claims are supported by their sources.",
        docs_url=None,  # these pages would load scripts from elsewhere; /docs is our own
        redoc_url=None,
        redirect_slashes=False,  # to wherever the client's Host header says
    )
    app.state.monitor = monitor
    _add_handlers(app)
    _add_scoring(app, batcher, limits)
    _add_predicting(app, batcher, limits)
    _add_docs(app)
    _add_guardrails(app, batcher, limits)
    _add_state(app, batcher, monitor)
    paths = frozenset(path for route in app.routes if (path := getattr(route, "path", None)))
    app.add_middleware(Guard, limits=limits, token=token)
    app.add_middleware(Monitored, monitor=monitor, paths=paths)
    return app


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refused, "description": description}
    for status, description in {
        400: "the body is not JSON",
        401: "the token is missing or wrong",
        408: "the body came too slowly",
        413: "too large, too many or too long texts, too many pairs, too many tokens",
        422: "a field is missing or of the wrong type; names it and its row",
        503: "the queue is full or the model not loaded: try again after Retry-After seconds",
        504: "no answer in time",
    }.items()
}


def _add_scoring(app: FastAPI, batcher: Batcher, limits: Limits) -> None:
    @app.post("/score", responses=REFUSALS, summary="Score pairs of a source and a summary")
    async def score(body: ScoreRequest, request: Request) -> Scores:
        part = await _scored(batcher, limits, request, body.sources, body.summaries)
        scores = [_none_if_nan(part.result.scores[row]) for row in part.rows]
        return Scores(
            scores=scores,
            undefined=scores.count(None),
            sentences=[_sentences(part, row) for row in part.rows] if body.sentences else None,
            signature=part.result.signature,
        )

    @app.post("/explain", responses=REFUSALS, summary="Score one summary sentence by sentence")
    async def explain(body: ExplainRequest, request: Request) -> Explanation:
        fields = ("source", "summary")
        part = await _scored(batcher, limits, request, [body.source], [body.summary], fields)
        [row] = part.rows
        return Explanation(
            score=_none_if_nan(part.result.scores[row]),
            sentences=_sentences(part, row),
            signature=part.result.signature,
        )


def _add_predicting(app: FastAPI, batcher: Batcher, limits: Limits) -> None:
    @app.post("/predict", responses=REFUSALS, summary="Judge summaries and their sentences")
    async def predict(body: PredictRequest, request: Request) -> Judgments:
        calibration = _metric(batcher).profile.calibration
        try:
            wanted = Wanted(body.spans, checked(calibration).threshold(body.objective))
            part = await _scored(
                batcher, limits, request, body.sources, body.summaries, wanted=wanted
            )
        except ConfigurationError as cause:  # no such objective, or no head for spans
            raise RefusalError(422, str(cause), field=_field_of(cause)) from cause
        found = predict_result(part.result, calibration, body.objective)
        return Judgments(
            judgments=[_judgment(found, row) for row in part.rows],
            objective=found.objective,
            threshold=found.threshold if math.isfinite(found.threshold) else None,
            warnings=_warnings(part),
            signature=found.signature,
        )


def _warnings(part: BatchPart) -> list[str]:
    """What is to be said of a request's rows."""
    first = part.rows.start
    rows = [f"row {row - first}" for row in part.result.not_english if row in part.rows]
    return [told(len(part.rows), rows)] if rows else []


def _judgment(found: PredictionResult, row: int) -> Judgment:
    return Judgment(
        score=_none_if_nan(found.scores[row]),
        probability=_none_if_nan(found.probabilities[row]),
        consistent=bool(found.decisions[row]),
        sentences=[JudgedSentence(**asdict(sentence)) for sentence in found.sentences(row)],
    )


def _field_of(cause: ConfigurationError) -> str:
    return "spans" if "span" in str(cause) else "objective"


def _add_docs(app: FastAPI) -> None:
    @app.get("/docs", summary="What can be asked, for people", response_class=HTMLResponse)
    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()), headers={"Content-Security-Policy": POLICY})


def _add_guardrails(app: FastAPI, batcher: Batcher, limits: Limits) -> None:
    """The endpoints of NVIDIA NeMo Guardrails' AlignScore server; both ask the one model here."""

    @app.post("/alignscore_probability", responses=REFUSALS, summary="For NeMo Guardrails")
    async def probability(body: GuardrailRequest, request: Request) -> GuardrailScore:
        """The calibrated probability, so that the rail's 0.5 is the verdict's threshold."""
        calibration = _metric(batcher).profile.calibration
        if calibration is None:
            raise RefusalError(422, "this model has no calibration; ask /alignscore_base")
        part = await _scored(
            batcher, limits, request, [body.evidence], [body.claim], ("evidence", "claim")
        )
        [found] = calibration.probabilities([part.result.scores[part.rows[0]]])
        return GuardrailScore(alignscore=_none_if_nan(found) or 0.0)

    @app.post("/alignscore_base", responses=REFUSALS, summary="For NeMo Guardrails")
    @app.post("/alignscore_large", responses=REFUSALS, summary="For NeMo Guardrails")
    async def alignscore(body: GuardrailRequest, request: Request) -> GuardrailScore:
        fields = ("evidence", "claim")
        part = await _scored(batcher, limits, request, [body.evidence], [body.claim], fields)
        # A guardrail would let NaN pass: it is not below any threshold.
        return GuardrailScore(alignscore=_none_if_nan(part.result.scores[part.rows[0]]) or 0.0)


def _add_state(app: FastAPI, batcher: Batcher, monitor: Monitor) -> None:
    @app.get("/health", summary="Is the server alive? 200 as long as it answers")
    async def health() -> dict[str, str]:
        return {"status": "ready" if batcher.loaded.done() else "loading"}

    @app.get("/ready", responses={503: REFUSALS[503]}, summary="Is the model loaded? 200 or 503")
    async def ready() -> dict[str, str]:
        return {"status": "ready", "signature": _metric(batcher).signature}

    @app.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def metrics() -> Response:
        return Response(monitor.text(), media_type=CONTENT_TYPE_LATEST)


def _metric(batcher: Batcher) -> ServedMetric:
    if not batcher.loaded.done():
        raise RefusalError(503, "the model is being loaded; try again in a moment")
    return batcher.loaded.result()


async def _scored(
    batcher: Batcher,
    limits: Limits,
    request: Request,
    sources: Sequence[Source],
    summaries: Sequence[str],
    fields: tuple[str, str] = ("sources", "summaries"),
    *,
    wanted: Wanted = SCORES_ALONE,
) -> BatchPart:
    """Check a request, queue it, and wait for its part of a batch."""
    profile = _metric(batcher).profile
    pairs = limits.check(sources, summaries, profile=profile, fields=fields)
    try:
        future = batcher.submit(sources, summaries, pairs=pairs, wanted=wanted)
    except QueueFullError as cause:
        raise RefusalError(503, str(cause)) from cause
    return await _answer(future, request, limits.answer_seconds)


async def _answer(future: Future[BatchPart], request: Request, seconds: float) -> BatchPart:
    """Wait for scores, but not beyond the time or for a client that is gone: drop the work then."""
    answer = asyncio.wrap_future(future)
    gone = asyncio.ensure_future(_disconnected(request))
    either: set[asyncio.Future[Any]] = {answer, gone}
    try:
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        if gone.done():
            raise RefusalError(CLIENT_GONE, "the client is gone")
        raise RefusalError(504, f"no answer after {seconds} s; try again, or send fewer rows")
    finally:
        gone.cancel()
        answer.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _sentences(part: BatchPart, row: int) -> list[Sentence]:
    names = Sentence.model_fields
    found = part.result.sentences(row)
    return [Sentence(**{name: getattr(one, name) for name in names}) for one in found]


def _none_if_nan(score: float) -> float | None:
    return None if math.isnan(score) else float(score)


def _add_handlers(app: FastAPI) -> None:
    """Every error as JSON of one form, without a stack trace."""

    @app.exception_handler(RefusalError)
    async def refused(_: Request, error: RefusalError) -> JSONResponse:
        return refusal_response(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return refusal_response(_refusal_of(error))

    @app.exception_handler(HTTPException)
    async def failed(request: Request, error: HTTPException) -> JSONResponse:
        message = f"{request.method} {request.url.path}: {error.detail}; see /openapi.json"
        answer = refusal_response(RefusalError(error.status_code, message))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def broken(_: Request, __: Exception) -> JSONResponse:
        return refusal_response(RefusalError(500, "this failed here; the server's log says why"))


def _refusal_of(error: RequestValidationError) -> RefusalError:
    """What is wrong with a body, by its deepest error: of `str | list[str]`, the one that fits."""
    errors = error.errors()
    if errors[0]["type"] == "json_invalid":
        return RefusalError(400, f"the body is not JSON: {errors[0]['ctx']['error']}")
    depth = max(len(found["loc"]) for found in errors)
    deepest = [found for found in errors if len(found["loc"]) == depth]
    place = deepest[0]["loc"][1:]
    if not place:
        return RefusalError(
            422, "the body is not a JSON object; send one, with Content-Type: application/json"
        )
    field = str(place[0])
    row = place[1] if len(place) > 1 and isinstance(place[1], int) else None
    where = field if row is None else f"{field}, row {row}"
    if isinstance(place[-1], int) and len(place) > 2:
        where += f", passage {place[-1]}"
    # Of one place: what is wrong at another is said when this is mended.
    here = [found["msg"] for found in deepest if _place(found["loc"]) == _place(deepest[0]["loc"])]
    wrong = " or ".join(dict.fromkeys(here)).replace(" or Input should be ", " or ")
    return RefusalError(422, f"{where}: {wrong}", field=field, row=row)


def _place(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Where in a body an error is: field, row and passage, without the type that was tried."""
    return tuple(part for number, part in enumerate(loc) if number < 2 or isinstance(part, int))
