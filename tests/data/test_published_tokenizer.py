"""Tokenizers in the publishers' formats give the numbers that `transformers` gives."""

import json

import pytest
from tokenizers import Tokenizer as Inner
from tokenizers import models, pre_tokenizers, trainers
from transformers import BertTokenizer, GPT2Tokenizer

from unrolled.data.published_tokenizer import read_tokenizer
from unrolled.data.tokenizer import Tokenizer
from unrolled.errors import TokenizerError

TEXTS = ["The cat's MAT, naïve", "a 猫 sat\u2028down", "unseen [MASK] words: sating", ""]
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the cat ' s mat , naive a 猫 sat down ##ing un ##seen : [ ]"


def write_vocabulary(folder, **settings):
    (folder / "vocab.txt").write_text("\n".join([*WORDS.split(), "MAT", "naïve"]) + "\n", "utf-8")
    if settings:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def write_byte_pairs(folder, names=("encoder.json", "vocab.bpe")):
    """As OpenAI wrote them: symbols with numbers, and merges below a line with a version."""
    inner = Inner(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    inner.train_from_iterator(TEXTS * 3, trainer)
    learned = json.loads(inner.to_str())["model"]
    vocabulary = {**learned["vocab"], "<|endoftext|>": len(learned["vocab"])}
    (folder / names[0]).write_text(json.dumps(vocabulary))
    merges = [" ".join(pair) for pair in learned["merges"]]
    (folder / names[1]).write_text("\n".join(["#version: 0.2", *merges, ""]), "utf-8")
    return folder


@pytest.mark.parametrize("lower", [True, False])
def test_word_pieces_are_berts(tmp_path, lower):
    ours = read_tokenizer(write_vocabulary(tmp_path, do_lower_case=lower))
    theirs = BertTokenizer(vocab=str(tmp_path / "vocab.txt"), do_lower_case=lower)
    for text in TEXTS:
        wanted = theirs(text.replace("[MASK]", "mask"), add_special_tokens=False)["input_ids"]
        assert ours.encode([text.replace("[MASK]", "mask")])[0].tolist() == wanted
    assert len(ours) == len(WORDS.split()) + 2
    assert ours.tokens("The unseen MAT") == ["The", "un", "seen", "MAT"]


def test_a_text_that_spells_a_special_symbol_is_a_text(tmp_path):
    ours = read_tokenizer(write_vocabulary(tmp_path))
    assert ours.special("[MASK]") == 4 not in ours.encode(["a [MASK]"])[0]
    assert ours.decode([2, 14, 16, 4]) == "sating"


@pytest.mark.parametrize("names", [("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt")])
def test_byte_pairs_are_gpt2s(tmp_path, names):
    ours = read_tokenizer(write_byte_pairs(tmp_path, names))
    theirs = GPT2Tokenizer(*(str(tmp_path / name) for name in names))
    for text in TEXTS:
        numbers = ours.encode([text])[0]
        assert numbers.tolist() == theirs(text)["input_ids"]
        assert ours.decode(numbers) == text
    assert ours.special("<|endoftext|>") == len(ours) - 1


def test_a_whole_tokenizer_is_read_without_what_it_adds(tmp_path):
    (tmp_path / "pieces").mkdir()
    pieces = read_tokenizer(write_vocabulary(tmp_path / "pieces", do_lower_case=True))
    theirs = BertTokenizer(vocab=str(tmp_path / "pieces" / "vocab.txt"), do_lower_case=True)
    theirs.backend_tokenizer.enable_truncation(2)
    theirs.backend_tokenizer.enable_padding(length=9)
    theirs.backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    ours = read_tokenizer(tmp_path)
    for one, other in zip(ours.encode(TEXTS), pieces.encode(TEXTS), strict=True):
        assert one.tolist() == other.tolist()
    again = Tokenizer.from_json(ours.to_json())
    assert again.encode(TEXTS)[0].tolist() == ours.encode(TEXTS)[0].tolist()


def test_folders_without_a_tokenizer_and_damaged_ones_are_refused(tmp_path):
    with pytest.raises(
        TokenizerError, match=r"has none of these: vocab\.txt; tokenizer\.json; voc"
    ):
        read_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(TokenizerError, match=r"This is no tokenizer: .*tokenizer\.json: EOF"):
        read_tokenizer(tmp_path)
    (tmp_path / "vocab.txt").write_text("a\nb\na\n")
    with pytest.raises(
        TokenizerError, match="has 2 symbols, not numbered from 0 one after the oth"
    ):
        read_tokenizer(tmp_path)
