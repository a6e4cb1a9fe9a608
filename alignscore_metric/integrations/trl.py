"""A reward function for TRL's trainers (GRPO, RLOO ...). Needs nothing of TRL but its manners."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.metric import AlignScore
from alignscore_metric.text.pairs import Source

Messages = Sequence[dict[str, Any]]


class AlignScoreReward:
    """Rewards each completion by how far its source supports it.

    Args:
        metric: What scores; all completions of a step are scored together, so that those of one
            prompt share the work on its source.
        source: The dataset's column with the sources (texts or lists of passages); where None,
            the prompt is the source: of a conversation, the user's messages.

    Example:
        >>> reward = AlignScoreReward(AlignScore(progress=False), source="document")
        >>> good, bad, nothing = reward(
        ...     prompts=["Summarise."] * 3,
        ...     completions=["The bridge was closed.", "The bridge was opened.", ""],
        ...     document=["The bridge was closed on Monday after inspectors found cracks."] * 3,
        ... )
        >>> good > bad, nothing
        (True, None)
    """

    __name__ = "alignscore"  # how the trainer's logs call the reward

    def __init__(self, metric: AlignScore, *, source: str | None = None) -> None:
        self.metric = metric
        self.source = source

    def __call__(
        self,
        *,
        prompts: Sequence[str | Messages],
        completions: Sequence[str | Messages],
        **columns: Any,  # noqa: ANN401  # the dataset's, and the trainer's own
    ) -> list[float | None]:
        """Score N completions, as the trainer calls it.

        Args:
            prompts: N prompts, texts or conversations.
            completions: N completions, texts or conversations; of these, what the assistant says.
            **columns: The dataset's other columns, N values each.

        Returns:
            N rewards; None, which TRL leaves out, where a completion has no sentence.

        Raises:
            ConfigurationError: The dataset has no column named as `source`.
            InputError: A source is not text; names the row of the batch.
        """
        sources = self._sources(prompts, columns)
        answers = ["\n".join(_texts(completion, "assistant")) for completion in completions]
        scores = self.metric.score(sources, answers)
        return [None if math.isnan(score) else score for score in scores]

    def _sources(
        self, prompts: Sequence[str | Messages], columns: dict[str, Any]
    ) -> Sequence[Source]:
        if self.source is None:
            return [_texts(prompt, "user") for prompt in prompts]
        if self.source not in columns:
            names = ", ".join(name for name, value in columns.items() if isinstance(value, list))
            raise ConfigurationError(f"the dataset has no column {self.source!r}; it has: {names}")
        found: Sequence[Source] = columns[self.source]
        return found


def _texts(said: str | Messages, role: str) -> list[str]:
    """A text as it is, or what one role says; messages that only call tools have no content."""
    if isinstance(said, str):
        return [said]
    return [
        text
        for message in said
        if message["role"] == role and (text := _content(message.get("content")))
    ]


def _content(content: str | Sequence[str | Mapping[str, Any]] | None) -> str:
    """The text of a message: all of it, or its parts of text, a line each; images have none."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = (part if isinstance(part, str) else part.get("text") for part in content)
    return "\n".join(text for text in texts if text)
