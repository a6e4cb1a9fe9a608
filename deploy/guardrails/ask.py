"""Shows NeMo Guardrails' AlignScore rail at work: two answers, one evidence, one server.

The answers are given here, as a model's would be; the server, named as the one argument, decides.
"""

from __future__ import annotations

import sys

from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.testing import FakeLLMModel

CONFIGURATION = """
models: []
rails:
  config:
    fact_checking:
      fallback_to_self_check: false
      parameters:
        endpoint: {server}/alignscore_base
  output:
    flows:
      - alignscore check facts
"""
EVIDENCE = "The Mill Road bridge was closed on Monday after inspectors found cracks in its steel."
ANSWERS = (
    "The Mill Road bridge was closed on Monday after inspectors found cracks.",
    "The repairs will take two years and be paid for by the railway.",
)


def ask(server: str, answer: str) -> str:
    """What a user is shown where a model gives this answer."""
    config = RailsConfig.from_content(yaml_content=CONFIGURATION.format(server=server))
    rails = LLMRails(config, llm=FakeLLMModel(responses=[answer]))
    context = {"relevant_chunks": EVIDENCE, "check_facts": True}
    messages = [
        {"role": "context", "content": context},
        {"role": "user", "content": "What happened at Mill Road?"},
    ]
    return str(rails.generate(messages=messages)["content"])


if __name__ == "__main__":
    for given in ANSWERS:
        print(f"answer: {given}\nshown:  {ask(sys.argv[1], given)}\n")  # noqa: T201
