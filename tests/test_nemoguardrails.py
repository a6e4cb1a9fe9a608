"""The real NeMo Guardrails, its AlignScore action and a small configuration, against the server."""

import asyncio
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import uvicorn

from alignscore_metric import AlignScore
from alignscore_metric.server.app import build_app
from alignscore_metric.server.batching import Batcher
from alignscore_metric.server.limits import Limits

pytest.importorskip("nemoguardrails", reason="it comes with alignscore-metric[integrations]")

EVIDENCE = [
    "The Mill Road bridge was closed on Monday after inspectors found cracks in its steel.",
    "The council expects the repairs to take six weeks.",
]
SUPPORTED = "The Mill Road bridge was closed on Monday after inspectors found cracks."
UNSUPPORTED = "The repairs will take two years and be paid for by the railway."
REFUSAL = "I don't know the answer to that."

CONFIGURATION = """
models: []
rails:
  config:
    fact_checking:
      fallback_to_self_check: false
      parameters:
        endpoint: {url}
  output:
    flows:
      - alignscore check facts
"""


@pytest.fixture(scope="module")
def server():
    """The bundled aligner on a loopback port: its address."""
    metric = AlignScore(progress=False)
    with Batcher(lambda: metric) as batcher, socket.create_server(("127.0.0.1", 0)) as listening:
        batcher.loaded.result()
        app = build_app(batcher, limits=Limits())
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(autouse=True)
def _no_usage_reports(monkeypatch):
    monkeypatch.setenv("NEMO_GUARDRAILS_NO_USAGE_STATS", "1")
    monkeypatch.setenv("DO_NOT_TRACK", "1")


@pytest.mark.parametrize("path", ["alignscore_base", "alignscore_large"])
@pytest.mark.parametrize("evidence", [EVIDENCE, "\n".join(EVIDENCE)])
def test_the_request_action_gets_the_score_of_the_metric(server, path, evidence):
    from nemoguardrails.library.factchecking.align_score.request import alignscore_request

    metric = AlignScore(progress=False)
    for claim in (SUPPORTED, UNSUPPORTED):
        found = asyncio.run(alignscore_request(f"{server}/{path}", evidence, claim))
        assert found == pytest.approx(metric.score([evidence], [claim])[0], abs=1e-5)
    assert asyncio.run(alignscore_request(f"{server}/{path}", evidence, " ")) == 0.0


@pytest.mark.parametrize(
    ("answer", "checked", "shown"),
    [
        (SUPPORTED, True, SUPPORTED),
        (UNSUPPORTED, True, REFUSAL),
        (UNSUPPORTED, False, UNSUPPORTED),  # the rail is what stops it
    ],
)
def test_a_rail_lets_what_is_supported_pass_and_stops_the_rest(server, answer, checked, shown):
    from nemoguardrails import LLMRails, RailsConfig
    from nemoguardrails.testing import FakeLLMModel

    config = RailsConfig.from_content(
        yaml_content=CONFIGURATION.format(url=f"{server}/alignscore_base")
    )
    rails = LLMRails(config, llm=FakeLLMModel(responses=[answer]))
    context = {"relevant_chunks": "\n".join(EVIDENCE), "check_facts": checked}
    said = rails.generate(
        messages=[
            {"role": "context", "content": context},
            {"role": "user", "content": "What happened at Mill Road?"},
        ]
    )
    assert said["content"] == shown


def test_the_client_of_the_compose_file_shows_one_answer_and_not_the_other(server):
    script = Path(__file__).resolve().parents[1] / "deploy" / "guardrails" / "ask.py"
    done = subprocess.run(
        [sys.executable, str(script), server], capture_output=True, text=True, check=True
    )
    shown = [line for line in done.stdout.splitlines() if line.startswith("shown:")]
    assert shown == [f"shown:  {SUPPORTED}", f"shown:  {REFUSAL}"]
