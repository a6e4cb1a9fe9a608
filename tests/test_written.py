"""Claims that come with the package: reading them, and that they are what they say."""

import gzip
import json
from collections import defaultdict

import pytest

from alignscore_metric.errors import InputError
from alignscore_metric.training.data import AlignmentExample, read_examples
from alignscore_metric.training.leakage import claim_only_auc
from alignscore_metric.training.written import CLAIMS, Passages, data_file, key_of

DOCUMENT = "The  mill closed in 1931.\nIts wheel was sold to a farmer. The house still stands."
FILES = ("written", "of_passages")
SUPPORTED = 0


@pytest.fixture
def data(tmp_path):
    row = {"text_a": DOCUMENT, "text_b": "It closed.", "label_type": "bin", "label": 1}
    with gzip.open(tmp_path / "mills.jsonl.gz", "wt") as lines:
        lines.write(json.dumps(row) + "\n")
    return tmp_path


def claim_of(**place):
    place = {"file": "mills.jsonl.gz", "document": key_of(DOCUMENT), "words": [5, 12]} | place
    return {"passage": place, "text_b": "A farmer got the wheel.", "label_type": "tri", "label": 0}


def read(rows, data):
    (data / "claims.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_examples(data / "claims.jsonl", "claims", Passages(data).text)


def test_a_claim_stands_beside_the_words_of_its_passage(data):
    [found] = read([claim_of()], data)
    text = "Its wheel was sold to a farmer."
    assert found == AlignmentExample("claims", text, "A farmer got the wheel.", "tri", 0)


def test_a_document_that_is_not_there_is_an_error_that_names_it(data):
    with pytest.raises(InputError, match=r"mills.jsonl.gz does not hold document 0123"):
        read([claim_of(document="0123")], data)
    with pytest.raises(InputError, match=r"no file .*other.jsonl.gz, of which there are written"):
        read([claim_of(file="other.jsonl.gz")], data)


def test_a_place_where_none_is_known_is_an_error(data):
    (data / "claims.jsonl").write_text(json.dumps(claim_of()))
    with pytest.raises(InputError, match="line 1: KeyError"):
        read_examples(data / "claims.jsonl", "claims")


def test_a_users_file_goes_before_the_packages(tmp_path):
    assert data_file("written.jsonl.gz", tmp_path) == CLAIMS / "written.jsonl.gz"
    (tmp_path / "written.jsonl.gz").touch()
    assert data_file("written.jsonl.gz", tmp_path) == tmp_path / "written.jsonl.gz"
    assert data_file("mine.jsonl", tmp_path) == tmp_path / "mine.jsonl"


def packaged(name):
    return read_examples(CLAIMS / f"{name}.jsonl.gz", name, passage=json.dumps)


@pytest.mark.parametrize("name", FILES)
def test_no_claim_is_both_and_none_is_empty(name):
    labels = defaultdict(set)
    for row in packaged(name):
        labels[row.text_a, row.text_b].add(row.label)
        assert row.text_b.strip() == row.text_b != ""
    assert max(map(len, labels.values())) == 1


@pytest.mark.parametrize("name", FILES)
def test_unsupported_words_are_words_of_wrong_claims(name):
    for row in packaged(name):
        if row.label == SUPPORTED:
            assert row.spans == ()
        for start, end in row.spans or ():
            assert 0 <= start < end <= len(row.text_b)
            assert not row.text_b[start].isspace()


@pytest.mark.parametrize("name", FILES)
def test_no_passage_of_dev_is_trained_on(name):
    train = {row.text_a for row in packaged(name)}
    assert train.isdisjoint({row.text_a for row in packaged(f"{name}.dev")})


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_claim_alone_hardly_tells_its_label(name):
    rows = [
        AlignmentExample(name, row.text_a, row.text_b, "bin", int(row.label == SUPPORTED))
        for row in packaged(name)[:3000]
    ]
    assert claim_only_auc(rows) < 0.65  # chance is 0.5


def test_all_passages_are_found(shared):
    rows = read_examples(CLAIMS / "of_passages.jsonl.gz", "claims", Passages(shared / "train").text)
    assert min(len(row.text_a.split()) for row in rows) >= 15
