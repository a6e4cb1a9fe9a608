"""Tests of checkpoint.hub against an HTTP server on this machine that plays the Hub."""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import huggingface_hub
import numpy as np
import pytest
from checker_families import PAIRS, write_family
from huggingface_hub import constants

from alignscore_metric.checkpoint.hub import (
    BACKBONES,
    CHECKERS,
    REGISTRY,
    HubChecker,
    HubFile,
    fetch,
    fetch_backbone,
)
from alignscore_metric.checkpoint.profile import PROFILES
from alignscore_metric.checkpoint.signature import Signature
from alignscore_metric.errors import AlignScoreError, ConfigurationError, MissingResourceError
from alignscore_metric.metric import AlignScore

REPO, FILE = "someone/Aligner", "tiny.ckpt"
COMMIT, LATER = "1" * 40, "2" * 40
CONTENT = bytes(range(256)) * 1024
DIGEST = hashlib.sha256(CONTENT).hexdigest()
WRONG = "0" * 64

LOAD = f"""
from alignscore_metric.errors import AlignScoreError
from alignscore_metric.checkpoint.hub import HubFile, fetch
try:
    print(fetch(HubFile("{REPO}", "{FILE}", None, None, "")).path)
except AlignScoreError as error:
    print(type(error).__name__, error)
"""


class Hub(ThreadingHTTPServer):
    """Files that are the same at any commit."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.main = COMMIT
        self.files = {f"{REPO}/{FILE}": CONTENT}
        self.announced: str | None = None  # instead of the content's own hash
        self.cut: int | None = None  # the first GET's connection ends after so many bytes
        self.requests: list[tuple[str, str, str]] = []

    @property
    def content(self) -> bytes:
        return self.files[f"{REPO}/{FILE}"]

    @content.setter
    def content(self, content: bytes):
        self.files[f"{REPO}/{FILE}"] = content

    def gets(self) -> list[str]:
        """The Range header of each GET of the file."""
        return [
            sent for method, path, sent in self.requests if method == "GET" and path.endswith(FILE)
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self._answer()

    def _answer(self):
        hub, sent = self.server, self.headers.get("Range", "")
        hub.requests.append((self.command, self.path, sent))
        match = re.fullmatch(r"/(\S+)/resolve/(\w+)/(\S+)", self.path)
        content = hub.files.get(f"{match.group(1)}/{match.group(3)}") if match else None
        if content is None:
            self.send_error(404)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", sent).group(1)) if sent else 0
        size = len(content)
        self.send_response(206 if sent else 200)
        self.send_header("X-Repo-Commit", hub.main if match.group(2) == "main" else match.group(2))
        self.send_header("ETag", f'"{hub.announced or hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(size - start))
        if sent:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()
        if self.command == "GET":
            cut, hub.cut = hub.cut, None
            self.wfile.write(content[start:cut])

    def log_message(self, *_):
        """Stay quiet."""


@pytest.fixture
def hub():
    server = Hub()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class Machine:
    """A machine with a Hub cache of its own."""

    def __init__(self, home: Path, hub: Hub):
        self.home = home
        self.environment = {
            "HF_HOME": str(home),
            "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
            "NO_PROXY": "127.0.0.1",
        }

    def load(
        self, *, revision: str | None = None, sha256: str | None = None, local: bool = False
    ) -> str:
        """What `fetch` gives, or the error's name and message."""
        try:
            entry = HubFile(REPO, FILE, revision, sha256, "")
            return str(fetch(entry, local_files_only=local).path)
        except AlignScoreError as error:
            return f"{type(error).__name__} {error}"

    def load_apart(self, before: str = "", **environment: str) -> str:
        """The same of an entry without revision and hash, in a process with an environment."""
        return self.run([sys.executable, "-c", before + LOAD], **environment)

    def run(self, command: list[str], **environment: str) -> str:
        done = subprocess.run(
            command,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(sys.path),
                **self.environment,
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def record(self) -> Path:
        return self.home / "alignscore-metric" / "someone--Aligner--tiny.ckpt.json"


@pytest.fixture
def machine(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """This process, too, sees the machine: huggingface_hub as if imported with its environment."""
    machine = Machine(tmp_path / "home", hub)
    endpoint = machine.environment["HF_ENDPOINT"]
    monkeypatch.setenv("NO_PROXY", machine.environment["NO_PROXY"])
    monkeypatch.setattr(constants, "HF_HOME", str(machine.home))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(machine.home / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    template = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    huggingface_hub.close_session()  # a session keeps the proxies of when it was made
    return machine


def test_fetched_once(machine: Machine, hub: Hub):
    path = machine.load(revision=COMMIT, sha256=DIGEST)
    assert Path(path).read_bytes() == CONTENT
    assert Path(path).is_relative_to(machine.home)
    asked = len(hub.requests)
    assert len(hub.gets()) == 1
    assert machine.load(revision=COMMIT, sha256=DIGEST) == path
    assert len(hub.requests) == asked  # not even a HEAD


@pytest.mark.parametrize("pinned", [True, False])
def test_read_with_the_server_down(machine: Machine, hub: Hub, pinned: bool):
    entry = {"revision": COMMIT, "sha256": DIGEST} if pinned else {}
    path = machine.load(**entry)
    hub.shutdown()
    hub.server_close()
    assert machine.load(**entry) == path
    assert machine.load(**entry, local=True) == path


def test_the_environment_is_obeyed(machine: Machine, hub: Hub):
    """HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE; offline, the error names a command that helps."""
    error = machine.load_apart(HF_HUB_OFFLINE="1")
    assert error.startswith("MissingResourceError")
    assert "HF_HUB_OFFLINE" in error
    assert hub.requests == []
    command = re.search(r"hf (download .*)", error).group(1)
    machine.run([sys.executable, "-m", "huggingface_hub.cli.hf", *command.split()])
    asked = len(hub.requests)
    path = Path(machine.load_apart(HF_HUB_OFFLINE="1"))
    assert path.read_bytes() == CONTENT
    assert path.is_relative_to(machine.home)
    assert len(hub.requests) == asked


def test_local_files_only_and_absent(machine: Machine, hub: Hub):
    error = machine.load(revision=COMMIT, sha256=DIGEST, local=True)
    assert error.startswith("MissingResourceError")
    assert error.endswith(f"hf download {REPO} {FILE} --revision {COMMIT}")
    assert hub.requests == []


def test_absent_on_the_server(machine: Machine, hub: Hub):
    hub.files.clear()
    error = machine.load()
    assert error.startswith(f"MissingResourceError {FILE} of {REPO} is not in the Hub cache")
    assert f"hf download {REPO} {FILE}" in error
    assert not machine.record.exists()


def test_a_cut_download_is_resumed(machine: Machine, hub: Hub):
    hub.content = CONTENT * 48  # the client writes, and resumes after, blocks of 10 MiB
    hub.cut = 11 << 20
    assert Path(machine.load()).read_bytes() == hub.content
    assert hub.gets() == ["", f"bytes={10 << 20}-"]


def test_a_killed_download_is_never_loaded(machine: Machine, hub: Hub):
    """A process that dies in the middle leaves nothing that another one would take for the file."""
    hub.cut = 100_000
    machine.load_apart("import os, time; time.sleep = lambda _: os._exit(0)")  # before its retry
    assert len(hub.gets()) == 1
    assert machine.load(local=True).startswith("MissingResourceError")
    assert Path(machine.load()).read_bytes() == CONTENT


def test_a_first_download_unlike_the_announced_is_refused(machine: Machine, hub: Hub):
    hub.announced = hashlib.sha256(b"other").hexdigest()
    error = machine.load()
    assert error.startswith("CheckpointError")
    assert f"its sha256 is {DIGEST}, the Hub announced {hub.announced}" in error
    assert not machine.record.exists()
    assert machine.load() == error


def test_a_wrong_known_hash_is_refused(machine: Machine):
    error = machine.load(revision=COMMIT, sha256=WRONG)
    assert error.startswith("CheckpointError")
    assert DIGEST in error
    assert WRONG in error
    assert "delete" not in error
    assert not machine.record.exists()
    assert machine.load(revision=COMMIT, sha256=WRONG) == error


@pytest.mark.parametrize("pinned", [True, False])
def test_a_byte_changed_in_the_cache_is_refused_until_fetched_again(machine: Machine, pinned: bool):
    entry = {"revision": COMMIT, "sha256": DIGEST} if pinned else {}
    path = Path(machine.load(**entry))
    path.write_bytes(CONTENT[:-1] + b"!")
    error = machine.load(**entry, local=True)
    assert error.startswith(f"CheckpointError {path} is damaged")
    assert DIGEST in error
    assert error.endswith(f"hf download {REPO} {FILE} --revision {COMMIT} --force-download")
    huggingface_hub.hf_hub_download(REPO, FILE, revision=COMMIT, force_download=True)
    assert Path(machine.load(**entry)).read_bytes() == CONTENT


def test_a_byte_changed_on_the_server_is_refused_until_accepted(machine: Machine, hub: Hub):
    """The cache is gone; the same commit now has another content, as only a mirror could serve."""
    first = Path(machine.load())
    shutil.rmtree(machine.home / "hub")
    hub.content = CONTENT[:-1] + b"!"
    error = machine.load()
    assert error.startswith(f"CheckpointError {first} has sha256")
    assert DIGEST in error
    assert machine.load() == error
    record = Path(re.search(r"delete (\S+) to accept", error).group(1))
    record.unlink()
    assert Path(machine.load()).read_bytes() == hub.content
    assert record == machine.record
    assert json.loads(record.read_text())["sha256"] != DIGEST


def test_the_first_commit_is_kept(machine: Machine, hub: Hub):
    """`main` moves on, the cache is emptied: the recorded commit is asked for."""
    first = Path(machine.load())
    hub.main = LATER
    assert machine.load() == str(first)
    shutil.rmtree(machine.home / "hub")
    assert machine.load() == str(first)
    assert json.loads(machine.record.read_text())["revision"] == COMMIT
    assert first.parent.name == COMMIT


def test_an_unchanged_file_is_not_hashed_again(machine: Machine):
    """Shown by what the stamp cannot see: other bytes with the same size, time and inode."""
    path = Path(machine.load())
    before = path.stat()
    path.write_bytes(CONTENT[:-1] + b"!")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert machine.load() == str(path)
    os.utime(path)
    assert machine.load().startswith("CheckpointError")


def test_a_touched_file_is_hashed_once_and_taken(machine: Machine):
    path = Path(machine.load())
    os.utime(path, ns=(1, 1))
    assert machine.load() == str(path)
    assert json.loads(machine.record.read_text())["stamp"][1] == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"revision": "1", "sha256": "2"}'])
def test_a_damaged_record_is_an_error_that_names_it(machine: Machine, content: str):
    machine.load()
    machine.record.write_text(content)
    error = machine.load()
    assert error.startswith(f"CheckpointError {machine.record}")
    assert "delete it" in error


def test_many_processes_at_once(machine: Machine):
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: machine.load_apart(), range(4)))
    assert len(set(paths)) == 1
    assert Path(paths[0]).read_bytes() == CONTENT
    assert json.loads(machine.record.read_text())["sha256"] == DIGEST
    assert [file.name for file in machine.record.parent.iterdir()] == [machine.record.name]


@pytest.mark.parametrize("pinned", [True, False])
def test_a_place_for_the_record_that_cannot_be_written(machine: Machine, pinned: bool):
    """Only an entry without a hash of its own needs the record."""
    machine.home.mkdir()
    machine.record.parent.write_text("a file where the folder should be")
    answer = machine.load(**({"revision": COMMIT, "sha256": DIGEST} if pinned else {}))
    if pinned:
        assert Path(answer).read_bytes() == CONTENT
    else:
        assert answer.startswith("MissingResourceError cannot record the hash of tiny.ckpt")
        assert "HF_HOME" in answer


def test_offline_without_the_backbone(machine: Machine):
    """One command fetches all that the backbone needs."""
    with pytest.raises(MissingResourceError) as caught:
        fetch_backbone("roberta-base", local_files_only=True)
    assert str(caught.value).endswith(
        "hf download FacebookAI/roberta-base tokenizer.json tokenizer_config.json config.json "
        f"--revision {BACKBONES['roberta-base'][0].revision}"
    )


def test_a_backbone_is_fetched_into_one_folder(
    machine: Machine, hub: Hub, monkeypatch: pytest.MonkeyPatch
):
    names = ("tokenizer.json", "config.json")
    hub.files = {f"someone/roberta/{name}": name.encode() for name in names}
    files = tuple(HubFile("someone/roberta", name, COMMIT, None, "tiny") for name in names)
    monkeypatch.setitem(BACKBONES, "tiny", files)
    folder = fetch_backbone("tiny")
    assert {file.name: file.read_text() for file in folder.iterdir()} == {n: n for n in names}
    assert fetch_backbone("tiny", local_files_only=True) == folder


@pytest.mark.usefixtures("nltk_data")
@pytest.mark.filterwarnings("ignore::alignscore_metric.engine.engine.TruncationWarning")
def test_a_named_checkpoint_scores_as_the_reference_online_and_then_offline(
    machine: Machine, hub: Hub, shared: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = shared / "parity" / "tiny-roberta"
    backbone = ("tokenizer.json", "tokenizer_config.json", "config.json")
    hub.files = {f"{REPO}/{FILE}": (folder / "AlignScore-tiny.ckpt").read_bytes()}
    hub.files |= {f"someone/roberta/{name}": (folder / name).read_bytes() for name in backbone}
    monkeypatch.setitem(REGISTRY, "tiny", HubFile(REPO, FILE, None, None, "tiny-roberta"))
    files = [HubFile("someone/roberta", name, COMMIT, None, "tiny-roberta") for name in backbone]
    monkeypatch.setitem(BACKBONES, "tiny-roberta", tuple(files))
    lines = (folder / "pairs.jsonl").read_text("utf-8").strip().split("\n")
    rows = [json.loads(line) for line in lines]
    pairs = [row["source"] for row in rows], [row["summary"] for row in rows]
    expected = json.loads((folder / "expected.json").read_text("utf-8"))["modes"]["nli_sp"]
    online = AlignScore("tiny", device="cpu", progress=False)
    assert np.abs(np.array(online.score(*pairs)) - expected).max() <= 1e-5
    digest = hashlib.sha256(hub.content).hexdigest()
    assert Signature.parse(online.signature).weights == digest[:12]
    assert len([path for method, path, _ in hub.requests if "/resolve/" in path]) == 12  # 4 files
    hub.shutdown()
    hub.server_close()
    for way in ({}, {"local_files_only": True}):
        offline = AlignScore("tiny", device="cpu", progress=False, **way)
        assert offline.signature == online.signature
    some = [texts[:8] for texts in pairs]
    assert np.abs(np.array(offline.score(*some)) - expected[:8]).max() <= 1e-5


def test_a_named_checker_online_and_then_offline(
    machine: Machine, hub: Hub, tmp_path: Path, byte_tokenizer: Path, monkeypatch
):
    """HHEM's layout: weights of one repository, the tokenizer of another."""
    folder = tmp_path / "hhem"
    write_family("T5 encoder (HHEM-2.1-Open)", folder, byte_tokenizer)
    own, tokenizer = ("config.json", "model.safetensors"), ("tokenizer.json",)
    tokenizer += ("tokenizer_config.json",)
    hub.files = {f"someone/hhem/{name}": (folder / name).read_bytes() for name in own}
    hub.files |= {f"someone/t5/{name}": (folder / name).read_bytes() for name in tokenizer}
    entry = HubChecker(
        tuple(HubFile("someone/hhem", name, COMMIT, None) for name in own),
        tokenizer=tuple(HubFile("someone/t5", name, COMMIT, None) for name in tokenizer),
    )
    monkeypatch.setitem(CHECKERS, "tiny-hhem", entry)
    pairs = [texts[:3] for texts in map(list, zip(*PAIRS, strict=True))]
    expected = AlignScore(folder, device="cpu", progress=False).score(*pairs)
    online = AlignScore("tiny-hhem", device="cpu", progress=False)
    assert online.score(*pairs) == expected
    assert Signature.parse(online.signature).model == "tiny-hhem"
    hub.shutdown()
    hub.server_close()
    offline = AlignScore("tiny-hhem", device="cpu", progress=False, local_files_only=True)
    assert offline.signature == online.signature
    assert offline.score(*pairs) == expected


def test_a_named_checker_that_is_not_here(machine: Machine):
    with pytest.raises(MissingResourceError) as caught:
        AlignScore("MiniCheck-Flan-T5-Large", local_files_only=True)
    assert "MiniCheck-Flan-T5-Large needs all of: hf download lytang/MiniCheck-Flan-T5-Large " in (
        str(caught.value)
    )


@pytest.mark.parametrize("answers", ["refused", "never"])
def test_no_network_is_said_at_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, answers: str
):
    monkeypatch.setattr("alignscore_metric.checkpoint.hub.CONNECT_SECONDS", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if answers == "never":  # it takes the call and says nothing
            silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        began = time.monotonic()
        found = machine.load()
    assert time.monotonic() - began < 15  # its retries alone wait for 23 s
    assert found.startswith(f"MissingResourceError {FILE} of {REPO} is not in the Hub cache")
    assert f"type: hf download {REPO} {FILE}" in found


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("AlignScore_large", "AlignScore-large"),
        ("alignscore-large", "AlignScore-large"),
        ("yzha/AlignScore-base", "AlignScore-base"),
        ("AlignScore-base.ckpt", "AlignScore-base"),
        ("align base", "Align-base"),
        ("Mini", "mini"),
    ],
)
def test_a_name_that_is_nearly_right(typed: str, meant: str):
    with pytest.raises(ConfigurationError, match=rf"{typed}' \(did you mean {meant}\?\); give"):
        AlignScore(typed)


def test_a_name_that_is_near_to_none():
    with pytest.raises(ConfigurationError, match=r"unknown model 'sonnet'; give one of: mini, Al"):
        AlignScore("sonnet")
    with pytest.raises(ConfigurationError, match=r"'roberta-base' is a backbone.*backbone='rob"):
        AlignScore("roberta-base")


def test_an_unknown_name():
    with pytest.raises(ConfigurationError, match=r"'AlignScore-huge'.*AlignScore-large"):
        fetch("AlignScore-huge")


@pytest.mark.parametrize("entry", REGISTRY.values(), ids=REGISTRY)
def test_the_registry_is_well_formed(entry: HubFile):
    assert re.fullmatch(r"yzha/\w+", entry.repo)
    assert entry.file in {f"{name}.ckpt" for name in REGISTRY}
    for digest, size in ((entry.revision, 40), (entry.sha256, 64)):
        assert digest is None or re.fullmatch(f"[0-9a-f]{{{size}}}", digest)
    assert entry.backbone == "roberta-" + entry.file.removesuffix(".ckpt").split("-")[1]
    assert entry.backbone in BACKBONES


@pytest.mark.parametrize("entry", CHECKERS.values(), ids=CHECKERS)
def test_the_named_checkers_are_well_formed(entry: HubChecker):
    for files in filter(None, (entry.files, entry.tokenizer)):
        assert len({(file.repo, file.revision) for file in files}) == 1  # one folder
        for file in files:
            assert re.fullmatch("[0-9a-f]{40}", file.revision)
            assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
    names = [file.file for file in (*entry.files, *entry.tokenizer)]
    assert {"config.json", "tokenizer.json", "tokenizer_config.json"} <= set(names)
    assert entry.profile is None or entry.profile in PROFILES
