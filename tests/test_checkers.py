"""Other published checkers, run by profile: MiniCheck and FactCG, against their released procedure.

Small random classifiers; the expected scores come from transformers and NLTK alone, in loops.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from alignscore_metric.checkpoint.conversion import convert
from alignscore_metric.checkpoint.loading import load_checkpoint
from alignscore_metric.engine.engine import TruncationWarning
from alignscore_metric.errors import CheckpointError, ConfigurationError
from alignscore_metric.metric import AlignScore
from alignscore_metric.text.chunking import SourceChunker, factcg_chunks, minicheck_chunks
from alignscore_metric.text.splitters import get_splitter

SIZES = {
    "vocab_size": 270,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "initializer_range": 0.6,
    "pad_token_id": 1,
    "num_labels": 2,
}
LONG = "word " * 130 + "end."
SOURCES = [
    "The bridge was closed on Monday. Dr. Smith saw cracks in it.\nIt stays shut.\n\nWork goes on. "
    * 6,
    f"Short start.\n{LONG} After it there is more. \n And a line \n of its own.",
    f"{LONG} Then this.",
    "One line only.",
]
CLAIMS = ["The bridge is open. It never closed.", "x", "More " * 40, 'He said "no" {twice}.']


def save(model: PreTrainedModel, tokenizer: Path, folder: Path) -> Path:
    shutil.copytree(tokenizer, folder)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def minicheck(byte_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = RobertaConfig(**SIZES, max_position_embeddings=514, type_vocab_size=1)
    folder = tmp_path_factory.mktemp("checkers") / "MiniCheck-tiny"
    return save(RobertaForSequenceClassification(config), byte_tokenizer, folder)


@pytest.fixture(scope="module")
def factcg(byte_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    config = DebertaV2Config(
        **SIZES,
        relative_attention=True,
        position_buckets=16,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        max_position_embeddings=512,
    )
    folder = tmp_path_factory.mktemp("checkers") / "FactCG-tiny"
    return save(DebertaV2ForSequenceClassification(config), byte_tokenizer, folder)


def supported(texts: list[str], folder: Path, max_length: int) -> list[float]:
    """P(class 1) of each text by transformers alone."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    found = []
    for text in texts:
        inputs = tokenizer(text, truncation=True, max_length=max_length, return_tensors="pt")
        inputs.pop("token_type_ids", None)
        with torch.no_grad():
            found.append(float(model(**inputs).logits.softmax(dim=1)[0, 1]))
    return found


def minicheck_by_hand(text: str, tokenizer: PreTrainedTokenizerBase, size: int = 400) -> list[str]:
    """Its procedure: lines into sentences with a break between, packed by tokens."""
    from nltk import sent_tokenize

    units: list[str] = []
    for number, line in enumerate(text.split("\n")):
        units += ["\n"] if number else []
        units += sent_tokenize(line)
    chunks, open_chunk, used = [], [], 0
    for unit in units:
        length = len(tokenizer(unit, add_special_tokens=False, verbose=False)["input_ids"])
        if used + length > size:
            chunks.append(open_chunk)
            open_chunk, used = [], 0
        open_chunk = [*open_chunk, unit]
        used += length
    chunks.append(open_chunk)
    joined = [" ".join(chunk).replace(" \n ", "\n").strip() for chunk in chunks]
    return [chunk for chunk in joined if chunk]


def factcg_by_hand(text: str, size: int = 550) -> list[str]:
    """Its procedure: sentences packed by NLTK words; a blank first chunk is left out."""
    from nltk import sent_tokenize, word_tokenize

    chunks, chunk, used = [], "", 0
    for sentence in sent_tokenize(text):
        length = len(word_tokenize(sentence))
        if used + length <= size:
            chunk, used = f"{chunk}\n{sentence}".strip("\n"), used + length
        else:
            chunks.append(chunk.strip("\n"))
            chunk, used = sentence, length
    chunks.append(chunk.replace(" \n ", "\n").strip("\n").strip())
    return [chunk for chunk in chunks if chunk]


@pytest.mark.usefixtures("nltk_data")
@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_minicheck(minicheck: Path, tmp_path: Path, form: str):
    tokenizer = AutoTokenizer.from_pretrained(minicheck)
    folder = minicheck
    if form == "bin":
        folder = shutil.copytree(minicheck, tmp_path / "copy")
        model = AutoModelForSequenceClassification.from_pretrained(minicheck)
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    metric = AlignScore(folder, profile="minicheck", device="cpu", progress=False)
    with pytest.warns(TruncationWarning, match=r"not read: \d+ tokens at the end of a chunk"):
        result = metric.evaluate(SOURCES, CLAIMS)
    for row, (source, claim) in enumerate(zip(SOURCES, CLAIMS, strict=True)):
        chunks = minicheck_by_hand(source, tokenizer)
        # A token is a byte. Where a chunk is too long its end is cut, never the claim.
        room = 512 - 3 - len(claim)  # three control tokens
        scores = supported([f"{chunk[:room]}</s>{claim}" for chunk in chunks], minicheck, 512)
        assert result.scores[row] == pytest.approx(max(scores), abs=1e-5)
        (found,) = result.sentences(row)
        assert (found.sentence, found.chunk) == (claim, chunks[scores.index(max(scores))])
    assert len(set(result.scores.round(4))) == len(SOURCES)
    assert "|head:bin[1]|" in metric.signature
    assert "|chunk:minicheck-400|claims:whole|template:minicheck|" in metric.signature


@pytest.mark.usefixtures("nltk_data")
def test_factcg(factcg: Path):
    metric = AlignScore(factcg, profile="factcg", device="cpu", progress=False)
    long = [*SOURCES, "word " * 700 + "end. " + "Next, it's here. " * 200]
    claims = [*CLAIMS, "More."]
    with pytest.warns(TruncationWarning):
        scores = metric.score(long, claims)
    for source, claim, score in zip(long, claims, scores, strict=True):
        question = (
            "\n\nChoose your answer: based on the paragraph above can we conclude that "
            f'"{claim}"?\n\nOPTIONS:\n- Yes\n- No\nI think the answer is '
        )
        room = 2048 - 2 - len(question)  # a token is a byte
        prompts = [f"{chunk[:room]}{question}" for chunk in factcg_by_hand(source)]
        assert score == pytest.approx(max(supported(prompts, factcg, 2048)), abs=1e-5)
    assert len({round(score, 4) for score in scores}) > 3
    assert "|chunk:factcg-550|claims:whole|template:factcg|" in metric.signature
    assert "|length:2048|" in metric.signature


LONG_SENTENCE = "word and " * 400


@pytest.mark.parametrize("checker", ["minicheck", "factcg"])
@pytest.mark.filterwarnings("ignore::alignscore_metric.engine.engine.TruncationWarning")
def test_a_claim_about_an_overlong_sentence_is_read(checker: str, request: pytest.FixtureRequest):
    folder = request.getfixturevalue(checker)
    metric = AlignScore(
        folder, profile=checker, splitter="bundled_punkt", device="cpu", progress=False
    )
    claims = ["The bridge is open.", "The bridge is shut.", "Nobody came."]
    assert len(set(metric.score([LONG_SENTENCE] * 3, claims))) == 3


@pytest.mark.parametrize("checker", ["minicheck", "factcg"])
def test_plain_prompts_read_all_of_a_chunk_and_no_control_token_of_a_text(
    checker: str, request: pytest.FixtureRequest
):
    folder = request.getfixturevalue(checker)
    options = {"profile": checker, "splitter": "bundled_punkt", "device": "cpu"}
    metric = AlignScore(folder, texts="plain", progress=False, **options)
    pair = f"{LONG_SENTENCE}</s> the end", "It </s> is <mask> open."
    encoder = metric._pipeline.engine.encoder(pair[:1], pair[1:])
    encoded = encoder.encode(np.array([[0, 0]]))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [tokenizer.decode(ids) for ids, _ in encoded.kept]
    assert all(size <= metric.profile.max_length for size in encoded.sizes[:, 0])
    assert not encoded.lost.any()
    separator = {"minicheck": "</s>It ", "factcg": "\n\nChoose"}[checker]
    read = [text[: text.rindex(separator)] for text in texts]
    assert "".join("".join(read).split()) == "".join(pair[0].split())
    assert all(pair[1] in text for text in texts)
    separators = 1 if checker == "minicheck" else 0  # the template's own
    for ids, _ in encoded.kept:
        assert sum(token in tokenizer.all_special_ids for token in ids.tolist()) == separators


@pytest.mark.usefixtures("nltk_data")
@pytest.mark.parametrize("size", [1, 12, 60, 10_000])
@pytest.mark.parametrize("text", [*SOURCES, "", "\n\n", "A.\n\nB. \n C. \n\n D."])
def test_chunks_of_any_size(minicheck: Path, text: str, size: int):
    tokenizer = AutoTokenizer.from_pretrained(minicheck)
    splitter = get_splitter("nltk_punkt")

    def count(piece: str) -> int:
        return len(tokenizer(piece, add_special_tokens=False, verbose=False)["input_ids"])

    assert minicheck_chunks(text, splitter, size, count) == (
        minicheck_by_hand(text, tokenizer, size) or [""]
    )
    assert factcg_chunks(text, splitter, size) == (factcg_by_hand(text, size) or [""])


@pytest.mark.parametrize("chunking", ["minicheck", "factcg"])
def test_chunks_do_not_cross_passages(chunking: str):
    chunker = SourceChunker(chunking, 50, get_splitter("bundled_punkt"), count_tokens=len)
    assert chunker(["One is.", " ", "Two is."]) == ["One is.", "Two is."]
    assert chunker([]) == chunker(["", "\n"]) == [""]


def test_a_classifier_needs_a_profile(minicheck: Path):
    with pytest.raises(ConfigurationError, match="give profile=, one of: alignscore, minicheck"):
        load_checkpoint(minicheck)
    with pytest.raises(ConfigurationError, match=r"has 2 classes; .* head 'tri' needs 3"):
        load_checkpoint(minicheck, profile="alignscore")
    with pytest.raises(ConfigurationError, match="known profiles: alignscore"):
        load_checkpoint(minicheck, profile="summac")


def test_a_classifier_has_one_head(minicheck: Path):
    options = {"profile": "minicheck", "splitter": "bundled_punkt", "progress": False}
    with pytest.raises(ConfigurationError, match="has no head 'tri'; it has: bin"):
        AlignScore(minicheck, mode="nli", **options)
    assert AlignScore(minicheck, mode="bin", **options).profile.chunking == "whole"


def test_a_profile_longer_than_the_backbones_positions(minicheck: Path):
    with pytest.raises(ConfigurationError, match="up to 2048 tokens, but the backbone 512 pos"):
        AlignScore(minicheck, profile="factcg", splitter="bundled_punkt", progress=False)


def test_a_prompt_for_an_aligner_that_needs_two_texts(tiny_aligner: Path):
    with pytest.raises(ConfigurationError, match="reads the claim's own tokens"):
        AlignScore(tiny_aligner, profile="minicheck", splitter="bundled_punkt", progress=False)


def test_a_prompted_checker_is_no_classifier_of_pairs(minicheck: Path, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="its template is 'minicheck'; possible: pair"):
        convert(minicheck, tmp_path / "out", profile="minicheck", to_classifier=True)


@pytest.mark.usefixtures("nltk_data")
def test_a_converted_checker_keeps_its_profile(minicheck: Path, tmp_path: Path):
    convert(minicheck, tmp_path / "out", profile="minicheck")
    before = AlignScore(minicheck, profile="minicheck", device="cpu", progress=False)
    after = AlignScore(tmp_path / "out", device="cpu", progress=False)
    assert after.profile == before.profile
    assert after.score([SOURCES[0]], [CLAIMS[0]]) == before.score([SOURCES[0]], [CLAIMS[0]])


def test_an_incomplete_classifier(minicheck: Path, tmp_path: Path):
    folder = shutil.copytree(minicheck, tmp_path / "copy")
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["classifier.dense.bias"]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"missing keys: encoder\.pooler\.dense\.bias"):
        load_checkpoint(folder, profile="minicheck")
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no model\.safetensors and no pytorch_model\.bin"):
        load_checkpoint(folder, profile="minicheck")
