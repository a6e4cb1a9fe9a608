"""Tests of interfaces: no library reports home, and one that is not here has no doctests."""

import os
from importlib.util import find_spec

os.environ |= {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1",
    "LANGSMITH_TRACING": "false",
    "RAGAS_DO_NOT_TRACK": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
}

collect_ignore = [
    f"alignscore_metric/integrations/{library}.py"
    for library in ("deepeval", "llama_index", "ragas", "ray", "torchmetrics")
    if find_spec(library) is None
]
if find_spec("triton") is None:
    collect_ignore.append("alignscore_metric/kernels.py")
