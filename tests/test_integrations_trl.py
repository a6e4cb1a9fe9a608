"""The reward function: called directly, and by TRL's own trainer with a tiny random model."""

import math
from importlib.util import find_spec

import pytest

from alignscore_metric import AlignScore, ConfigurationError, InputError
from alignscore_metric.integrations.trl import AlignScoreReward

DOCUMENTS = ["The bridge was closed on Monday.", ["Snow fell.", "It melted."], "It rained."]
SUMMARIES = ["The bridge was closed. It rained.", "Snow fell on Friday.", "  "]


@pytest.fixture(scope="module")
def metric(tiny_aligner) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


@pytest.fixture
def expected(metric) -> list[float | None]:
    scores = metric.score(DOCUMENTS, SUMMARIES)
    assert math.isnan(scores[2])
    return [*scores[:2], None]


def user(text: str) -> list[dict]:
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]


def test_sources_in_a_column(metric, expected):
    reward = AlignScoreReward(metric, source="document")
    found = reward(
        prompts=["Summarise."] * 3, completions=SUMMARIES, document=DOCUMENTS, other=[1, 2, 3]
    )
    assert found == expected


def test_prompts_as_sources(metric):
    found = AlignScoreReward(metric)(prompts=["Snow fell."] * 2, completions=SUMMARIES[:2])
    assert found == metric.score(["Snow fell."] * 2, SUMMARIES[:2])


def test_conversations(metric):
    """What the user and the assistant say counts; tools, their calls and the system do not."""
    prompts = [user("Snow fell on Monday."), user("It rained.")]
    completions = [
        [{"role": "assistant", "content": "Snow fell."}],
        [
            {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "look"}}]},
            {"role": "tool", "content": "The bridge was opened."},
            {"role": "assistant", "content": "It rained."},
        ],
    ]
    found = AlignScoreReward(metric)(prompts=prompts, completions=completions)
    sources, answers = ["Snow fell on Monday.", "It rained."], ["Snow fell.", "It rained."]
    assert found == metric.score(sources, answers)


def test_parts_of_content(metric):
    """What models that see are given: text and images in parts."""
    prompt = [
        {"type": "image", "image": "bridge.png"},
        {"type": "text", "text": "Snow fell on Monday."},
        {"type": "text", "text": "It melted."},
    ]
    answers = [
        [{"type": "text", "text": "Snow fell."}],
        ["Snow fell.", {"type": "text", "text": "It rained."}],
        [{"type": "image", "image": "rain.png"}],
        [],
    ]
    found = AlignScoreReward(metric)(
        prompts=[[{"role": "user", "content": prompt}]] * 5,
        completions=[
            *([{"role": "assistant", "content": parts}] for parts in answers),
            [{"role": "assistant", "tool_calls": []}],
        ],
    )
    sources, texts = (
        ["Snow fell on Monday.\nIt melted."] * 2,
        ["Snow fell.", "Snow fell.\nIt rained."],
    )
    assert found == [*metric.score(sources, texts), None, None, None]


def test_bad_columns(metric):
    given = {"prompts": ["p"], "completions": ["c"], "document": ["d"], "log_metric": print}
    with pytest.raises(ConfigurationError, match=r"no column 'source'; it has: document$"):
        AlignScoreReward(metric, source="source")(**given)
    with pytest.raises(InputError, match="row 0: the source is missing"):
        AlignScoreReward(metric, source="document")(**given | {"document": [None]})


# ------------------------------------------------------------ the library itself

TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


@pytest.mark.skipif(find_spec("trl") is None, reason="needs the extra `trl`")
@pytest.mark.parametrize("as_conversations", [False, True], ids=["texts", "conversations"])
def test_a_step_of_the_real_trainer(as_conversations, metric, byte_tokenizer, tmp_path):
    import torch
    from datasets import Dataset
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
    from trl import GRPOConfig, GRPOTrainer

    tokenizer = AutoTokenizer.from_pretrained(byte_tokenizer, chat_template=TEMPLATE)
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    prompts = ["Summarise: snow fell.", "Summarise: it rained."]
    rows = {
        "prompt": [user(text) for text in prompts] if as_conversations else prompts,
        "document": ["Snow fell on Monday. It melted.", "It rained all day."],
    }
    seen = []

    def witness(completions, document, **_):
        seen.append((document, completions))
        return [0.0] * len(completions)

    trainer = GRPOTrainer(
        model,
        reward_funcs=[AlignScoreReward(metric, source="document"), witness],
        args=GRPOConfig(
            output_dir=str(tmp_path),
            max_steps=1,
            per_device_train_batch_size=4,
            num_generations=2,
            max_completion_length=12,
            logging_steps=1,
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            bf16=False,  # accelerate keeps a precision for the whole process
        ),
        train_dataset=Dataset.from_dict(rows),
        processing_class=tokenizer,
    )
    before = model.lm_head.weight.detach().clone()
    trainer.train()
    ((documents, completions),) = seen
    if as_conversations:
        completions = [completion[0]["content"] for completion in completions]
    scores = [s for s in metric.score(documents, completions) if not math.isnan(s)]
    assert len(set(documents)) == 2
    logged = trainer.state.log_history[0]
    assert logged["rewards/alignscore/mean"] == pytest.approx(sum(scores) / len(scores), abs=1e-5)
    assert (model.lm_head.weight != before).any()
