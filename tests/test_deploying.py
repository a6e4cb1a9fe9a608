"""What docs/deploying.md hands out: files checked by their own tools, and their commands run."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
DOCKERFILES = (DEPLOY / "Dockerfile", DEPLOY / "guardrails" / "Dockerfile")
PAGE = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Every instruction and what follows it."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(word, rest.strip()) for word, _, rest in (x.partition(" ") for x in lines if x)]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=["server", "guardrails"])
def test_hadolint_has_nothing_to_say(dockerfile):
    hadolint = shutil.which("hadolint") or shutil.which(
        "hadolint", path=Path(sys.executable).parent
    )
    if hadolint is None:
        pytest.skip("needs hadolint: the extra `dev`")
    done = subprocess.run([hadolint, str(dockerfile)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=["server", "guardrails"])
def test_the_last_user_is_not_root(dockerfile):
    users = [rest for word, rest in instructions(dockerfile) if word == "USER"]
    assert int(users[-1]) > 0


def test_what_is_copied_and_installed_is_there():
    found = dict(instructions(DEPLOY / "Dockerfile"))
    assert (ROOT / "constraints.txt").is_file()
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not {"alignscore_metric", "leaderboards", "data_cards", "README.md"} & set(ignored)
    installed = next(r for w, r in instructions(DEPLOY / "Dockerfile") if w == "RUN")
    assert "--constraint constraints.txt '.[server]'" in installed
    assert json.loads(found["ENTRYPOINT"]) == ["alignscore"]


@pytest.mark.slow
def test_the_containers_command_is_healthy_and_stops_cleanly(tmp_path):
    """ENTRYPOINT, CMD, ENV, HEALTHCHECK and STOPSIGNAL as they stand, on a free port."""
    pytest.importorskip("fastapi", reason="needs the extra `server`")
    found = dict(instructions(DEPLOY / "Dockerfile"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    entry, arguments = (json.loads(found[word]) for word in ("ENTRYPOINT", "CMD"))
    assert entry == ["alignscore"]
    arguments = [a.replace("8000", port).replace("0.0.0.0", "127.0.0.1") for a in arguments]  # noqa: S104
    check = json.loads(found["HEALTHCHECK"].partition("CMD")[2].replace("8000", port))
    check[0] = sys.executable
    given = dict(pair.split("=", 1) for pair in shlex.split(found["ENV"]))
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "OMP_NUM_THREADS": "1"}
    environment |= {"HF_HUB_OFFLINE": given["HF_HUB_OFFLINE"], "HF_HOME": str(tmp_path / "hf")}
    environment |= {k: os.environ[k] for k in ("PYTHONPATH",) if k in os.environ}
    command = [sys.executable, "-m", "alignscore_metric", *arguments]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as server:
        try:
            give_up = time.monotonic() + 120
            while subprocess.run(check, capture_output=True).returncode:
                assert server.poll() is None
                assert time.monotonic() < give_up
                time.sleep(0.5)
        finally:
            server.send_signal(getattr(signal, found["STOPSIGNAL"]))
        assert server.wait(timeout=30) == 0
    assert subprocess.run(check, capture_output=True).returncode != 0  # nobody is there now


def test_the_compose_file_starts_what_is_here():
    yaml = pytest.importorskip("yaml")
    file = DEPLOY / "compose.yaml"
    services = yaml.safe_load(file.read_text())["services"]
    server, client = services["alignscore"], services["guardrails"]
    context = DEPLOY / server["build"]["context"]
    assert (context / server["build"]["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    assert (DEPLOY / client["build"] / "Dockerfile").is_file()
    port = dict(instructions(DEPLOY / "Dockerfile"))["EXPOSE"]
    assert client["command"] == [f"http://alignscore:{port}"]
    assert client["depends_on"] == {"alignscore": {"condition": "service_healthy"}}
    if docker := shutil.which("docker"):
        plan = [docker, "compose", "-f", str(file), "config", "--quiet"]
        done = subprocess.run(plan, capture_output=True, text=True)
        if "is not a docker command" not in done.stderr and "unknown" not in done.stderr:
            assert done.returncode == 0, done.stderr


def test_the_unit_starts_a_command_that_there_is(tmp_path, capsys):
    from alignscore_metric.commands.main import build_parser

    (unit,) = re.findall(r"```ini\n(.*?)```", PAGE, flags=re.DOTALL)
    if analyze := shutil.which("systemd-analyze"):
        file = tmp_path / "alignscore.service"
        file.write_text(unit.replace("/opt/alignscore/bin/alignscore", "/bin/true"))
        done = subprocess.run([analyze, "verify", str(file)], capture_output=True, text=True)
        assert "alignscore.service" not in done.stderr
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string(unit)
    program, *arguments = shlex.split(parser["Service"]["ExecStart"])
    assert Path(program).name == "alignscore"
    args = build_parser().parse_args(arguments)
    grace = args.read_timeout + args.timeout
    assert grace < int(parser["Service"]["TimeoutStopSec"]) <= grace + 10
    stop = re.search(r"stop_grace_period: (\d+)s", (DEPLOY / "compose.yaml").read_text())
    assert int(stop[1]) == int(parser["Service"]["TimeoutStopSec"])
