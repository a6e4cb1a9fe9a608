"""Fixtures that more than one test file uses: the shared folder, and NLTK's Punkt data in it."""

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from alignscore_metric.text import splitters

# The same examples in every run, however busy the machine, and no .hypothesis folder.
hypothesis.settings.register_profile("project", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("project")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever needs a browser, a Ray cluster or the built documentation takes long."""
    for item in items:
        if {"browser", "built_site", "cluster"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of parity fixtures and benchmarks beside the project; skips where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("ALIGNSCORE_SHARED", beside))
    if not folder.is_dir():
        pytest.skip(f"no shared folder at {folder}; set ALIGNSCORE_SHARED to where it is")
    return folder


@pytest.fixture
def nltk_data(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An NLTK data folder, first on NLTK's path, that has the shared English Punkt and no more."""
    import nltk

    # A copy: NLTK 3.10 refuses a link that leaves its data path.
    folder = tmp_path / "nltk_data"
    english = folder / "tokenizers" / "punkt_tab" / "english"
    shutil.copytree(shared / "punkt_tab" / "english", english)
    monkeypatch.setenv("NLTK_DATA", str(folder))
    monkeypatch.setattr(nltk.data, "path", [str(folder), *nltk.data.path])
    _forget_punkt()
    yield folder
    _forget_punkt()


@pytest.fixture
def no_nltk_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An NLTK data path of one empty folder."""
    import nltk

    folder = tmp_path / "empty"
    folder.mkdir(mode=0o755)
    monkeypatch.setenv("NLTK_DATA", str(folder))
    monkeypatch.setattr(nltk.data, "path", [str(folder)])
    _forget_punkt()
    yield folder
    _forget_punkt()


def _forget_punkt() -> None:
    """Empty the two caches that hold a loaded Punkt: the package's and NLTK's."""
    import nltk.tokenize

    splitters._build_splitter.cache_clear()
    nltk.tokenize._get_punkt_tokenizer.cache_clear()


@pytest.fixture(scope="session")
def tiny_aligner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a saved aligner with random weights: small, quick, and of any opinion.

    Its vocabulary is made from the examples, its weights are large, so that scores differ much.
    """
    import json

    import torch
    from transformers import BertConfig, BertTokenizerFast

    from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig

    examples = Path(__file__).resolve().parents[1] / "examples" / "examples.jsonl"
    rows = [json.loads(line) for line in examples.read_text(encoding="utf-8").splitlines()]
    text = " ".join(row["summary"] for row in rows).lower()
    # Letters and the commonest words; the tokenizers library's own trainer breaks ties at random.
    letters = sorted(set(text) - {" "})
    words = sorted(Counter(re.findall(r"[a-z]{2,}", text)).items(), key=lambda w: (-w[1], w[0]))
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    vocabulary += [f"##{letter}" for letter in letters] + [word for word, _ in words]
    folder = tmp_path_factory.mktemp("tiny-aligner")
    (folder / "vocab.txt").write_text("\n".join(vocabulary[:600]), encoding="utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    backbone = BertConfig(
        vocab_size=600,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=512,
        initializer_range=0.5,
    )
    torch.manual_seed(0)
    profile = {"head": "bin", "supported": 1, "splitter": "bundled_punkt", "chunk_words": 60}
    aligner = Aligner(
        AlignerConfig(backbone=backbone.to_dict(), pooling="claim_mean", profile=profile)
    )
    for layer in (aligner.bin_layer, aligner.tri_layer, aligner.reg_layer):
        torch.nn.init.normal_(layer.weight, std=1.0)
    aligner.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def example_rows() -> list[dict]:
    """The rows of examples/examples.jsonl: id, kind, source (text or passages), summary."""
    import json

    file = Path(__file__).resolve().parents[1] / "examples" / "examples.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_aligner: Path):
    """The tiny aligner, loaded once: not to be changed by a test."""
    from alignscore_metric.checkpoint.loading import load_checkpoint

    return load_checkpoint(tiny_aligner)


@pytest.fixture(scope="session")
def byte_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tokenizer laid out as RoBERTa's, whose tokens are bytes."""
    return write_byte_tokenizer(tmp_path_factory.mktemp("byte-tokenizer"))


def write_byte_tokenizer(folder: Path) -> Path:
    """Write the tokenizer of `byte_tokenizer`; gives the folder."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = {
        "bos_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*special.values(), *letters])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    special |= {"sep_token": special["eos_token"], "cls_token": special["bos_token"]}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=512, **special
    ).save_pretrained(folder)
    return folder


BROWSER_FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory):
    """Headless Chromium that logs its console and its requests."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("no chromium and chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in [*BROWSER_FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    opened = webdriver.Chrome(options=options, service=service)
    yield opened
    opened.quit()
