"""Published checkers of every family: equal to transformers, read without their code; errors."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf
from checker_families import (
    FAMILIES,
    PAIRS,
    PROMPT,
    SIZES,
    SOURCE,
    differences,
    hhem_score,
    minicheck_score,
    token_probabilities,
    token_score,
    write_family,
)
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig, own_tensors
from alignscore_metric.checkpoint.conversion import convert
from alignscore_metric.checkpoint.labels import classifier_profile
from alignscore_metric.checkpoint.loading import load_checkpoint
from alignscore_metric.engine.engine import TruncationWarning
from alignscore_metric.engine.int8 import multiplies_exactly
from alignscore_metric.errors import CheckpointError, ConfigurationError, MissingResourceError
from alignscore_metric.metric import AlignScore

HHEM = "T5 encoder (HHEM-2.1-Open)"
MINICHECK = "T5, own last layer (MiniCheck-Flan-T5)"
LETTUCE = "ModernBERT tokens (LettuceDetect)"
ELECTRA = "ELECTRA"
QUIET = {"device": "cpu", "progress": False}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, byte_tokenizer: Path):
    """Folders and whole models of a few families, written once and never changed."""
    folder = tmp_path_factory.mktemp("families")
    names = (HHEM, MINICHECK, LETTUCE, ELECTRA, "BART")
    return {
        name: (folder / str(number), write_family(name, folder / str(number), byte_tokenizer))
        for number, name in enumerate(names)
    }


@pytest.fixture(scope="module")
def tokenizer(byte_tokenizer: Path) -> hf.PreTrainedTokenizerBase:
    return hf.AutoTokenizer.from_pretrained(byte_tokenizer)


def changed(folder: Path, copy: Path, **values: object) -> Path:
    """A copy of a checker whose `config.json` says something else."""
    shutil.copytree(folder, copy)
    content = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    (copy / "config.json").write_text(json.dumps(content | values), encoding="utf-8")
    return copy


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.filterwarnings("ignore::alignscore_metric.engine.engine.TruncationWarning")
def test_scores_are_those_of_transformers(name: str, tmp_path: Path, byte_tokenizer: Path):
    found = differences(name, tmp_path / "checker", byte_tokenizer)
    assert found.max() < 1e-5, found


def test_hhem_as_its_code_runs_it(written, tokenizer):
    folder, model = written[HHEM]
    metric = AlignScore(folder, **QUIET)
    sources, claims = map(list, zip(*PAIRS, strict=True))
    expected = [hhem_score(model, tokenizer, *pair) for pair in PAIRS]
    assert metric.score(sources, claims) == pytest.approx(expected, abs=1e-5)
    assert "|chunk:whole|claims:whole|template:hhem|" in metric.signature


def test_hhem_has_its_published_size():
    """109,630,082 parameters, of flan-t5-base's sizes, says the Hub of its weights."""
    sizes = {"d_model": 768, "d_ff": 2048, "num_layers": 12, "num_heads": 12, "d_kv": 64}
    backbone = {"model_type": "t5", "feed_forward_proj": "gated-gelu", **sizes}
    with torch.device("meta"):
        aligner = Aligner(AlignerConfig(backbone=backbone, pooling="first_token", heads=["bin"]))
    assert sum(tensor.numel() for tensor in own_tensors(aligner).values()) == 109_630_082


@pytest.mark.usefixtures("nltk_data")
def test_minicheck_t5_as_its_code_runs_it(written, tokenizer):
    from nltk import sent_tokenize

    folder, model = written[MINICHECK]
    metric = AlignScore(folder, profile="minicheck-t5", **QUIET)
    source = f"{SOURCE * 20}\nA line.\n\n{SOURCE * 25}"
    chunks, chunk, used = [], [], 0
    for number, line in enumerate(source.split("\n")):
        for unit in ["\n"] * bool(number) + sent_tokenize(line):
            if used + len(unit.split()) > 500:
                chunks, chunk, used = [*chunks, chunk], [], 0
            chunk, used = [*chunk, unit], used + len(unit.split())
    texts = [" ".join(each).replace(" \n ", "\n").strip() for each in [*chunks, chunk]]
    assert len(texts) == 2
    # A token is a byte here: both are too long, and lose their ends as a chunk does.
    room = 2048 - 2 - len("predict: ") - 1 - len("It was closed.")
    expected = [minicheck_score(model, tokenizer, t[:room], "It was closed.") for t in texts]
    with pytest.warns(TruncationWarning):
        (score,) = metric.score([source], ["It was closed."])
    assert score == pytest.approx(max(expected), abs=1e-5)
    assert "|chunk:minicheck-words-500|claims:whole|template:minicheck-t5|" in metric.signature


def test_lettucedetect_scores_the_least_supported_token(written, tokenizer):
    folder, model = written[LETTUCE]
    metric = AlignScore(folder, profile="lettucedetect", **QUIET)
    sources, claims = [SOURCE.strip(), "Short."], ["It was closed on Monday.", "Nobody came, then."]
    expected = [token_score(model, tokenizer, *pair) for pair in zip(sources, claims, strict=True)]
    assert metric.score(sources, claims) == pytest.approx(expected, abs=1e-5)


def test_spans_of_a_token_classifier(written, tokenizer):
    folder, model = written[LETTUCE]
    metric = AlignScore(folder, profile="lettucedetect", **QUIET)
    claim = "It was closed on Monday, after 14 inspectors found cracks; nobody was hurt then."
    result = metric.evaluate([SOURCE.strip()], [claim], spans=True)
    (sentence,) = result.sentences(0)
    # A token is a byte.
    doubts = token_probabilities(model, tokenizer, SOURCE.strip(), claim)
    words = {w.span(): float(doubts[w.start() : w.end()].max()) for w in re.finditer(r"\w+", claim)}
    doubted = {span for span, doubt in words.items() if doubt > 0.5}
    found = {
        word for span in sentence.unsupported for word in words
        if span.start <= word[0] and word[1] <= span.end
    }  # fmt: skip
    assert found == doubted
    assert 0 < len(doubted) < len(words)
    first = sentence.unsupported[0]
    own = [doubt for (start, end), doubt in words.items() if first.start <= start < first.end]
    assert first.score == pytest.approx(np.mean(own), abs=1e-5)


def test_a_label_of_tokens_by_name(written, tmp_path: Path):
    folder, _ = written[LETTUCE]
    labels = {"0": "hallucinated", "1": "supported"}
    turned = changed(folder, tmp_path / "turned", id2label=labels)
    pair = [SOURCE], ["The bridge was closed."]
    found = AlignScore(turned, profile="lettucedetect", **QUIET).score(*pair)
    told = AlignScore(folder, profile="lettucedetect", label="1", **QUIET).score(*pair)
    plain = AlignScore(folder, profile="lettucedetect", **QUIET).score(*pair)
    assert found == told != plain


@pytest.mark.parametrize("template", ["hhem", "minicheck-t5"])
@pytest.mark.parametrize("texts", ["raw", "plain"])
def test_a_long_prompt_keeps_its_beginning_and_its_claim(
    template: str, texts: str, written, tokenizer
):
    folder, _ = written[HHEM if template == "hhem" else MINICHECK]
    options = {"splitter": "bundled_punkt", "texts": texts}
    metric = AlignScore(folder, profile=template, **options, **QUIET)
    profile = replace(metric.profile, max_length=140)
    engine = replace(metric._pipeline.engine, profile=profile)
    source, claim = SOURCE * 3 + "</s> the end.", "It </s> is <pad> open."
    encoded = engine.encoder([source], [claim]).encode(np.array([[0, 0]]))
    read = [tokenizer.decode(ids) for ids, _ in encoded.kept]
    begins, between = {
        "hhem": ("<pad> Determine if the hypothesis", "\n\nHypothesis: "),
        "minicheck-t5": ("predict: ", "</s>"),
    }[template]
    assert max(encoded.pack(np.arange(len(read))).lengths) <= 140
    assert all(text.startswith(begins) and text.endswith(between + claim) for text in read)
    contexts = [
        text.removesuffix(between + claim).partition("Premise: " if template == "hhem" else ": ")[2]
        for text in read
    ]
    if texts == "raw":
        assert len(read) == 1
        assert source.startswith(contexts[0])
    else:
        assert "".join("".join(contexts).split()) == "".join(source.split())
        own = {"hhem": [1], "minicheck-t5": [2]}[template]  # <pad>, </s>: the template's
        for ids, _ in encoded.kept:
            assert [i for i in ids.tolist() if i in tokenizer.all_special_ids] == own


CODE = "open({place!r}, 'w').close()\nraise SystemExit('code beside a checkpoint was run')\n"


@pytest.mark.parametrize("kind", ["hhem", "known", "unknown", "tokenizer"])
def test_code_beside_a_checkpoint_is_never_run(kind: str, written, tmp_path: Path):
    name = HHEM if kind == "hhem" else ELECTRA
    place = tmp_path / "was-run"
    code = {
        "AutoConfig": "code_beside.Config",
        "AutoModelForSequenceClassification": "code_beside.Model",
        "AutoTokenizer": ["code_beside.Tokenizer", "code_beside.Tokenizer"],
    }
    values = {"auto_map": code} | ({"model_type": "electra2"} if kind == "unknown" else {})
    folder = changed(written[name][0], tmp_path / "checker", **values)
    for module in ("code_beside", "configuration_hhem_v2", "modeling_hhem_v2"):
        (folder / f"{module}.py").write_text(CODE.format(place=str(place)), encoding="utf-8")
    if kind == "tokenizer":
        file = folder / "tokenizer_config.json"
        settings = json.loads(file.read_text(encoding="utf-8"))
        settings |= {"auto_map": {"AutoTokenizer": code["AutoTokenizer"]}}
        settings["tokenizer_class"] = "Tokenizer"
        file.write_text(json.dumps(settings), encoding="utf-8")
    if kind == "unknown":
        with pytest.raises(ConfigurationError, match=r"'electra2' and needs code of its own"):
            load_checkpoint(folder)
    else:
        plain = AlignScore(written[name][0], splitter="bundled_punkt", **QUIET)
        found = AlignScore(folder, splitter="bundled_punkt", **QUIET)
        assert found.score([SOURCE], ["It shut."]) == plain.score([SOURCE], ["It shut."])
    assert not place.exists()


def test_labels_by_name_and_by_number(written, tmp_path: Path):
    folder, _ = written[ELECTRA]
    pair = [SOURCE], ["It shut."]
    metric = AlignScore(folder, **QUIET)
    assert (metric.profile.head, metric.profile.supported) == ("tri", 0)  # ALIGN's order
    by_name = AlignScore(folder, label="NEUTRAL", **QUIET)
    by_number = AlignScore(folder, label="2", **QUIET)
    assert by_name.profile.supported == 1  # of an order of its own
    assert by_name.score(*pair) == by_number.score(*pair) != metric.score(*pair)
    assert AlignScore(folder, label="neutral", mode="nli", **QUIET).profile.supported == 1
    unnamed = {str(index): f"LABEL_{index}" for index in range(3)}
    unnamed = changed(folder, tmp_path / "unnamed", id2label=unnamed)
    with pytest.raises(ConfigurationError, match=r"or label=, .* 'LABEL_0' \(0\), 'LABEL_1' \(1\)"):
        load_checkpoint(unnamed)
    told = AlignScore(unnamed, label="1", **QUIET).score(*pair)
    assert told == pytest.approx(metric.score(*pair), abs=1e-6)


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (
            ["entailment", "neutral", "supports"],
            {},
            r"'entailment' \(0\), 'supports' \(2\); give la",
        ),
        (["a", "b", "c"], {"profile": "nli"}, r"no label that means entailment; it has: 'a' \(0\)"),
        (["a", "b", "c"], {"label": "d"}, r"no label of this name; it has: 'a' \(0\)"),
        (["a", "b", "A"], {"label": "3"}, "no label of this name"),
        (["aa", "b", "Aa"], {"label": "AA"}, "several labels of this name"),
        (["entailment", "b"], {"profile": "minicheck"}, r"reads class 1 .* class 0 'entailment'"),
        (["entailment", "b", "c", "d"], {}, "has 4 classes .* entailment has 2 or 3"),
        (["entailment", "b", "c"], {"profile": "minicheck"}, "has 3 classes; .* 'bin' needs 2"),
    ],
)
def test_labels_that_do_not_tell(labels: list[str], options: dict[str, str], message: str):
    given = {"profile": None, "label": None} | options
    with pytest.raises(ConfigurationError, match=message):
        classifier_profile(dict(enumerate(labels)), folder="checker", **given)


@pytest.mark.parametrize(
    ("labels", "head", "supported"),
    [
        (["ENTAILMENT", "not_entailment"], "bin", 0),
        (["not_entailment", "entailment"], "bin", 1),
        (["CONTRADICTION", "NEUTRAL", "ENTAILMENT"], "tri", 2),
        (["REFUTES", "NOT ENOUGH INFO", "SUPPORTS"], "tri", 2),
        (["hallucinated", "consistent"], "bin", 1),
    ],
)
def test_labels_of_models_of_the_hub(labels: list[str], head: str, supported: int):
    found = classifier_profile(dict(enumerate(labels)), profile=None, label=None, folder="x")
    assert (found.head, found.supported) == (head, supported)


def test_a_t5_without_its_answers(written, tmp_path: Path):
    folder = changed(written[MINICHECK][0], tmp_path / "t5")
    words = ["<s>", "<pad>", "</s>", "<unk>", "predict", "1"]
    backend = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, "<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    hf.PreTrainedTokenizerFast(tokenizer_object=backend, **special).save_pretrained(folder)
    with pytest.raises(ConfigurationError, match='has no "1" and "0" that differ'):
        load_checkpoint(folder, profile="minicheck-t5")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (MINICHECK, {}, "is a T5 that does not say how .* give profile=, as minicheck-t5"),
        (MINICHECK, {"profile": "nli"}, "reads the head 'tri', but .* says supported or not"),
        (MINICHECK, {"profile": "minicheck-t5", "label": "1"}, "no labels .* leave label= out"),
        (LETTUCE, {}, "is a token classifier that does not say .* as lettucedetect"),
        (ELECTRA, {"backbone": "roberta-large"}, "its own backbone; leave backbone= out"),
        (HHEM, {"label": "consistent"}, "no labels to choose from; leave label= out"),
        (ELECTRA, {"profile": "minicheck"}, "has 3 classes; .* needs 2"),
    ],
)
def test_options_that_do_not_fit(name: str, options: dict[str, str], message: str, written):
    with pytest.raises(ConfigurationError, match=message):
        load_checkpoint(written[name][0], **options)


def test_a_label_of_an_aligner():
    with pytest.raises(ConfigurationError, match="mini is no classifier with labels"):
        load_checkpoint("mini", label="entailment")


def test_tokens_of_three_classes(written, tmp_path: Path):
    labels = {str(index): name for index, name in enumerate("abc")}
    folder = changed(written[LETTUCE][0], tmp_path / "checker", id2label=labels)
    with pytest.raises(ConfigurationError, match=r"has 3 classes of tokens; one .* has 2"):
        load_checkpoint(folder, profile="lettucedetect")


def test_the_tokenizer_of_hhem(written, byte_tokenizer: Path, tmp_path: Path, monkeypatch):
    """It is published without one."""
    folder, _ = written[HHEM]
    alone = tmp_path / "alone"
    alone.mkdir()
    for file in ("config.json", "model.safetensors"):
        shutil.copy(folder / file, alone)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    with pytest.raises(MissingResourceError, match="'google/flan-t5-base' is neither a folder"):
        load_checkpoint(alone)
    found = AlignScore(alone, backbone=byte_tokenizer, **QUIET).score([SOURCE], ["It shut."])
    assert found == AlignScore(folder, **QUIET).score([SOURCE], ["It shut."])


def test_a_repository_in_the_cache_of_the_hub(written, tmp_path: Path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    options = {"profile": "lettucedetect", **QUIET}
    with pytest.raises(ConfigurationError, match=r"on the Hub: hf download someone/lettuce$"):
        AlignScore("someone/lettuce", **options)
    folder = tmp_path / "models--someone--lettuce"
    shutil.copytree(written[LETTUCE][0], folder / "snapshots" / "abc")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    metric = AlignScore("someone/lettuce", local_files_only=True, **options)
    assert "|model:lettuce|" in metric.signature
    own = AlignScore(written[LETTUCE][0], **options)
    assert metric.score([SOURCE], ["It shut."]) == own.score([SOURCE], ["It shut."])


@pytest.mark.parametrize("name", [HHEM, MINICHECK, LETTUCE, ELECTRA, "BART"])
def test_a_converted_checker_is_the_same(name: str, written, tmp_path: Path):
    folder, _ = written[name]
    profile = FAMILIES[name].profile
    convert(folder, tmp_path / "out", profile=profile)
    options = {"splitter": "bundled_punkt", **QUIET}
    before = AlignScore(folder, profile=profile, **options)
    after = AlignScore(tmp_path / "out", **options)
    assert after.profile == before.profile
    pair = [SOURCE, "Short."], ["It was closed.", "Nobody came."]
    assert after.score(*pair) == before.score(*pair)
    size = (tmp_path / "out" / "model.safetensors").stat().st_size
    parameters = {id(p): p.numel() for p in before._pipeline.engine.aligner.parameters()}
    assert size < 4 * sum(parameters.values()) + 30_000  # no tensor twice
    with pytest.raises(ConfigurationError, match=r"no classifier of .* equals this aligner"):
        convert(folder, tmp_path / "no", profile=profile, to_classifier=True)


@pytest.mark.parametrize("name", [HHEM, MINICHECK, LETTUCE, ELECTRA])
@pytest.mark.parametrize("harm", ["missing", "misshapen", "unexpected"])
def test_an_incomplete_checker_is_refused_by_name(name: str, harm: str, written, tmp_path: Path):
    folder = changed(written[name][0], tmp_path / "checker")
    file = folder / "pytorch_model.bin"
    tensors = load_file(folder / "model.safetensors") if not file.exists() else torch.load(file)
    victim = next(
        key
        for key in tensors
        if key.endswith("wi_1.weight")
        or "layers.1.attn.Wo" in key
        or "layer.1.output.dense.weight" in key
    )
    if harm == "missing":
        del tensors[victim]
    elif harm == "misshapen":
        tensors[victim] = tensors[victim][:, :-1].contiguous()
    else:
        tensors[f"{victim}x"] = tensors[victim].clone()
    file.unlink(missing_ok=True)
    save_file({key: value.clone() for key, value in tensors.items()}, folder / "model.safetensors")
    kind = {"missing": "missing", "misshapen": "mismatched", "unexpected": "unexpected"}[harm]
    with pytest.raises(CheckpointError, match=rf"not a complete aligner: {kind} keys: .*encoder"):
        load_checkpoint(folder, profile=FAMILIES[name].profile)


def test_a_tensor_that_only_older_t5s_have(written, tmp_path: Path):
    folder = changed(written[MINICHECK][0], tmp_path / "t5")
    tensors = torch.load(folder / "pytorch_model.bin")
    name = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    torch.save(tensors | {name: torch.zeros(32, 2)}, folder / "pytorch_model.bin")
    options = {"profile": "minicheck-t5", "splitter": "bundled_punkt", **QUIET}
    found = AlignScore(folder, **options).score([SOURCE], ["It shut."])
    assert found == AlignScore(written[MINICHECK][0], **options).score([SOURCE], ["It shut."])


def test_a_configuration_as_older_versions_wrote_modernberts(written, tokenizer, tmp_path: Path):
    folder = changed(
        written[LETTUCE][0],
        tmp_path / "older",
        global_rope_theta=160_000.0,
        local_rope_theta=100.0,
        reference_compile=True,
    )
    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    content = {k: v for k, v in content.items() if k not in ("rope_parameters", "layer_types")}
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    model = hf.ModernBertForTokenClassification.from_pretrained(folder).eval()
    pair = SOURCE.strip(), "It was closed on Monday."
    expected = token_score(model, tokenizer, *pair)
    assert expected != pytest.approx(token_score(written[LETTUCE][1], tokenizer, *pair), abs=1e-4)
    metric = AlignScore(folder, profile="lettucedetect", **QUIET)
    assert metric.score(*([text] for text in pair)) == pytest.approx([expected], abs=1e-5)


@pytest.mark.parametrize("key", ["num_hidden_layers", "vocab_size"])
def test_a_configuration_that_asks_for_too_much(key: str, written, tmp_path: Path):
    folder = changed(written[ELECTRA][0], tmp_path / "checker", **{key: 10**9})
    with pytest.raises(CheckpointError, match="asks for"):
        load_checkpoint(folder)


def test_a_classifier_that_transformers_does_not_have(tmp_path: Path, byte_tokenizer: Path):
    shutil.copytree(byte_tokenizer, tmp_path / "checker")
    values = {"model_type": "vit", "architectures": ["AForSequenceClassification"]} | SIZES
    values |= {"id2label": {"0": "entailment", "1": "b"}, "label2id": {"entailment": 0, "b": 1}}
    (tmp_path / "checker" / "config.json").write_text(json.dumps(values), encoding="utf-8")
    (tmp_path / "checker" / "model.safetensors").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="no sequence classifier of the type 'vit'"):
        load_checkpoint(tmp_path / "checker")


@pytest.mark.parametrize("precision", ["bf16", "int8"])
@pytest.mark.parametrize("name", [HHEM, MINICHECK, LETTUCE, ELECTRA])
def test_other_numbers_than_fp32(name: str, precision: str, written):
    if precision == "int8" and not multiplies_exactly():
        pytest.skip("no fast products of 8-bit integers on this CPU")
    options = {"profile": FAMILIES[name].profile, "splitter": "bundled_punkt", **QUIET}
    pair = [SOURCE] * 2, ["It was closed on Monday.", "x"]
    exact = AlignScore(written[name][0], **options).score(*pair)
    found = AlignScore(written[name][0], precision=precision, **options).score(*pair)
    assert found == pytest.approx(exact, abs=0.1)
    assert found != exact


@pytest.fixture(scope="module")
def t5_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tokenizer of T5's own class, whose pieces are letters, but for a few."""
    text = set(SOURCE + PROMPT + "predict:10")
    letters = sorted(text - set("{}<> \n") | {"\u2581"})
    pieces = ["<pad>", "</s>", "<unk>", *letters, "\u25811", "\u2581the", "ing"]
    vocabulary = [(piece, -float(len(letters) - len(piece))) for piece in pieces]
    folder = tmp_path_factory.mktemp("t5-tokenizer")
    hf.T5Tokenizer(vocab=vocabulary, extra_ids=0).save_pretrained(folder)
    return folder


def test_answers_of_a_t5_are_its_first_tokens(written, t5_tokenizer: Path, tmp_path: Path):
    """As of Flan-T5, where they are 3, a space, and 209: "0" is two tokens and "1" is one."""
    folder = changed(written[MINICHECK][0], tmp_path / "t5")
    shutil.copytree(t5_tokenizer, folder, dirs_exist_ok=True)
    own = hf.AutoTokenizer.from_pretrained(folder)
    zero, one = (own(text, add_special_tokens=False)["input_ids"] for text in "01")
    assert (len(zero), own.convert_ids_to_tokens(one)) == (2, ["\u25811"])
    metric = AlignScore(folder, profile="minicheck-t5", splitter="bundled_punkt", **QUIET)
    expected = minicheck_score(written[MINICHECK][1], own, SOURCE.strip(), "It is shut.")
    assert metric.score([SOURCE], ["It is shut."]) == pytest.approx([expected], abs=1e-5)


@pytest.mark.parametrize("texts", ["raw", "plain"])
def test_prompts_are_tokenised_as_a_whole(texts: str, written, t5_tokenizer: Path, tmp_path: Path):
    folder = changed(written[HHEM][0], tmp_path / "hhem")
    shutil.copytree(t5_tokenizer, folder, dirs_exist_ok=True)
    own = hf.AutoTokenizer.from_pretrained(folder)
    engine = AlignScore(folder, texts=texts, **QUIET)._pipeline.engine
    source, claim = f"{SOURCE}\nIt is shut.", "The bridge  is shut."
    encoded = engine.encoder([source], [claim]).encode(np.array([[0, 0]]))
    (batch,) = [encoded.pack(np.array([0]))]
    assert batch.ids.tolist() == own(PROMPT.format(context=source, claim=claim))["input_ids"]
    assert own.convert_ids_to_tokens(batch.ids[:2].tolist())[0] == "<pad>"
