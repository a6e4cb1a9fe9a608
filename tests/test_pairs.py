"""Tests of alignscore_metric.text.pairs against nested loops over the split texts."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alignscore_metric.text.pairs import (
    PairLister,
    PairTable,
    Source,
    build_pair_table,
    join_pair_tables,
    source_number,
)


def split_source(source: Source) -> list[str]:
    """Chunks stand between bars; a source of no passage has one empty chunk."""
    passages = [source] if isinstance(source, str) else source
    return [chunk for passage in passages for chunk in passage.split("|")] or [""]


def split_summary(summary: str) -> list[str]:
    """Sentences stand between bars; an empty one is none."""
    return [sentence for sentence in summary.split("|") if sentence]


def build(sources: list[Source], summaries: list[str]) -> PairTable:
    return build_pair_table(
        sources, summaries, split_source=split_source, split_summary=split_summary
    )


def by_loops(sources: list[Source], summaries: list[str]) -> list[list[list[tuple[str, str]]]]:
    """Example by example, sentence by sentence: the (chunk, sentence) texts of each cell."""
    examples = []
    for source, summary in zip(sources, summaries, strict=True):
        sentences = []
        for sentence in split_summary(summary):
            sentences.append([(chunk, sentence) for chunk in split_source(source)])
        examples.append(sentences)
    return examples


def by_table(table: PairTable) -> list[list[list[tuple[str, str]]]]:
    """The same, read back out of a table through its documented offsets."""
    examples = []
    for row in range(len(table)):
        first, last = table.example_sentences[row], table.example_sentences[row + 1]
        sentences = []
        for s in range(first, last):
            cells = range(table.sentence_cells[s], table.sentence_cells[s + 1])
            pairs = [table.pairs[table.cells[cell]] for cell in cells]
            sentences.append([(table.chunks[c], table.sentences[n]) for c, n in pairs])
        examples.append(sentences)
    return examples


texts = st.text("ab|", max_size=6)
source_texts = texts | st.lists(texts, max_size=3)
inputs = st.lists(st.tuples(source_texts, texts), max_size=6)


@given(inputs)
@example([("a|b|a", "b|b|a"), ("b|a", ""), (["a", "b|a"], "a|b"), ([], "a"), (["b"], "||")])
def test_cells_are_those_of_nested_loops(rows: list[tuple[Source, str]]):
    sources, summaries = [s for s, _ in rows], [s for _, s in rows]
    table = build(sources, summaries)
    expected = by_loops(sources, summaries)
    assert len(table) == len(rows)
    assert by_table(table) == expected
    sentences = [sentence for summary in summaries for sentence in split_summary(summary)]
    assert [table.sentences[s] for s in table.sentence_ids] == sentences
    assert table.sentence_cells[-1] == len(table.cells)
    assert table.example_sentences[-1] == len(table.sentence_ids) == len(table.sentence_cells) - 1


@given(inputs)
def test_every_text_and_pair_stands_once_and_only_if_used(rows: list[tuple[Source, str]]):
    sources, summaries = [s for s, _ in rows], [s for _, s in rows]
    table = build(sources, summaries)
    cells = [cell for ex in by_loops(sources, summaries) for sentence in ex for cell in sentence]
    assert Counter(table.chunks) == Counter({c for s in sources for c in split_source(s)})
    assert Counter(table.sentences) == Counter(
        {s for text in summaries for s in split_summary(text)}
    )
    found = [(table.chunks[c], table.sentences[s]) for c, s in table.pairs]
    assert Counter(found) == Counter(set(cells))


def test_repeated_sources_summaries_and_sentences_are_scored_once():
    table = build(["x|y"] * 5 + [["x", "y"]], ["s|t|s"] * 5 + ["t"])
    found = {(table.chunks[c], table.sentences[s]) for c, s in table.pairs}
    assert found == {("x", "s"), ("y", "s"), ("x", "t"), ("y", "t")}
    assert len(table.pairs) == 4
    assert len(table.cells) == 5 * 3 * 2 + 2


def test_each_distinct_text_is_split_once():
    sources, summaries = Counter(), Counter()

    def count_source(source: Source) -> list[str]:
        sources[source if isinstance(source, str) else tuple(source)] += 1
        return split_source(source)

    def count_summary(summary: str) -> list[str]:
        summaries[summary] += 1
        return split_summary(summary)

    build_pair_table(
        ["x", ["x"], "x", ["x"], "y", "x"],
        ["s", "s", "", "t", "", "s"],
        split_source=count_source,
        split_summary=count_summary,
    )
    assert sources == {"x": 1, ("x",): 1, "y": 1}
    assert summaries == {"s": 1, "": 1, "t": 1}


def test_passages_are_not_confused_with_their_concatenation():
    """["a", "b"], ["ab"] and "ab" are three sources."""
    table = build([["a", "b"], ["ab"], "ab", ["a"], ["b"]], ["s"] * 5)
    chunks = [[chunk for chunk, _ in sentences[0]] for sentences in by_table(table)]
    assert chunks == [["a", "b"], ["ab"], ["ab"], ["a"], ["b"]]


def test_a_summary_without_a_sentence_has_no_cell():
    table = build(["x|y", "x", "z"], ["", "s", "||"])
    assert table.example_sentences.tolist() == [0, 0, 1, 1]
    assert table.sentence_cells.tolist() == [0, 1]
    assert table.cells.tolist() == [0]


def test_no_example_at_all():
    table = build([], [])
    assert len(table) == 0
    assert (table.chunks, table.sentences) == ([], [])
    assert table.pairs.shape == (0, 2)
    assert table.example_sentences.tolist() == table.sentence_cells.tolist() == [0]
    for array in (table.pairs, table.cells, table.sentence_ids):
        assert array.dtype == np.int64
        assert array.size == 0


@pytest.mark.parametrize(("sources", "summaries"), [(2, 1), (1, 2), (0, 1), (1, 0)])
def test_lengths_that_differ(sources: int, summaries: int):
    with pytest.raises(ValueError, match="argument 2"):
        build(["x"] * sources, ["s"] * summaries)


@given(inputs, st.integers(1, 4))
def test_pairs_may_be_listed_in_parts(examples: list[tuple[Source, str]], size: int):
    """Each part names the pairs that are new; the table is that of all examples at once."""
    lister = PairLister(split_source=split_source, split_summary=split_summary)
    assert lister.expected(100) == 0
    parts = []
    for start in range(0, len(examples), size):
        parts.append(lister.add(examples[start : start + size]))
        assert parts[-1].shape[1] == 2
        assert len(lister.chunks) > parts[-1][:, 0].max(initial=-1)
        assert len(lister.sentences) > parts[-1][:, 1].max(initial=-1)
    found, whole = lister.table(), build([e[0] for e in examples], [e[1] for e in examples])
    for name, values in vars(whole).items():
        assert np.array_equal(getattr(found, name), values)
    assert sum(map(len, parts)) == len(whole.pairs) == lister.expected(len(examples))
    if parts:
        assert np.array_equal(np.concatenate(parts), whole.pairs)


def passages_of(source: Source) -> list[str]:
    return [source] if isinstance(source, str) else source


@given(inputs, st.integers(0, 6))
@example([("a", "b"), (["a"], ""), (["a", "b"], "a"), ("ab", "a"), (["ab"], "b"), ("a", "c")], 2)
@example([([], "a"), ("", "a"), ([""], "b"), (["", ""], "b")], 1)
def test_equal_sources_have_equal_numbers_and_others_do_not(
    rows: list[tuple[Source, str]], cut: int
):
    """Of one table as of tables that were made apart and joined."""
    sources, summaries = [s for s, _ in rows], [s for _, s in rows]
    whole = build(sources, summaries)
    joined = join_pair_tables(
        [build(sources[:cut], summaries[:cut]), build(sources[cut:], summaries[cut:])]
    )
    for table in (whole, joined):
        numbers = table.example_sources
        assert numbers.dtype == np.int64
        assert numbers.shape == (len(rows),)
        for i, one in enumerate(sources):
            for j, other in enumerate(sources):
                same = passages_of(one) == passages_of(other)
                assert (numbers[i] == numbers[j]) == same


def test_the_number_of_a_source_is_that_of_every_machine_and_version():
    """BLAKE2b of each passage's length (8 bytes, little-endian) and its UTF-8, first 8 bytes."""
    # printf '\x03\0\0\0\0\0\0\0a\xc3\xa9\x01\0\0\0\0\0\0\0b' | b2sum -l 64
    digest = bytes.fromhex("d7837fd3c07fa2c8")
    assert source_number(["a\xe9", "b"]) == int.from_bytes(digest, "little", signed=True)
    assert source_number("\ud800") != source_number("\ud801")  # lone surrogates are texts too
