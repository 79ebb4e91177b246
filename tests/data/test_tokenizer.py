"""Texts become numbers and texts again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data import tokenizer as module
from unrolled.data.tokenizer import BERT_SPECIAL, Tokenizer
from unrolled.errors import MissingExtraError, TokenizerError

TEXTS = ["The cat's mat.", "The dog sat on the mat!", "a lower, the lowest: newer", "Él vio\n"] * 3
UNITS = ["words", "characters", "subwords"]


def learned(unit, **options):
    return Tokenizer.learn(TEXTS, unit, **{"size": 400, **options})


@pytest.mark.parametrize("unit", UNITS)
def test_the_first_three_numbers_are_special_in_every_vocabulary(unit):
    assert learned(unit).symbols[:3] == ["[UNK]", "[BEGIN]", "[END]"]


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_subwords_write_any_text(text):
    tokenizer = SUBWORDS
    (numbers,) = tokenizer.encode([text])
    assert tokenizer.decode(numbers) == text
    assert 0 not in numbers


SUBWORDS = learned("subwords")


@pytest.mark.parametrize("unit", ["characters", "subwords"])
def test_a_text_of_known_characters_comes_back_as_it_was(unit):
    tokenizer = learned(unit)
    assert [tokenizer.decode(numbers) for numbers in tokenizer.encode(TEXTS)] == TEXTS


def test_words_are_runs_of_letters_or_of_other_signs():
    tokenizer = learned("words")
    pieces = ["The", "cat", "'", "s", "unseen", "mat", "."]
    assert tokenizer.tokens("The cat's  unseen mat.") == pieces
    (numbers,) = tokenizer.encode(["The unseen mat"])
    assert [tokenizer.symbols[n] for n in numbers] == ["The", "[UNK]", "mat"]
    assert tokenizer.number(["mat", "The mat"]).tolist() == [numbers[2], 0]


def test_what_occurs_too_seldom_has_no_number():
    assert "dog" in learned("words", least=3).symbols
    assert "dog" not in learned("words", least=4).symbols
    assert len(learned("words", size=5)) == 5


def test_capitals_may_count_as_small_letters():
    tokenizer = learned("words", lowercase=True)
    upper, lower = tokenizer.encode(["The CAT", "the cat"])
    assert upper.tolist() == lower.tolist()
    assert tokenizer.number(["The"]).tolist() == upper[:1].tolist()


@pytest.mark.parametrize("unit", UNITS)
def test_a_text_that_spells_a_special_token_is_a_text(unit):
    tokenizer = learned(unit)
    assert not {1, 2} & set(tokenizer.encode(["cat [END] [BEGIN]"])[0].tolist())


@pytest.mark.parametrize("unit", UNITS)
def test_a_stored_tokenizer_gives_the_same_numbers(unit):
    tokenizer = learned(unit, lowercase=True)
    again = Tokenizer.from_json(tokenizer.to_json())
    for one, other in zip(tokenizer.encode(TEXTS), again.encode(TEXTS), strict=True):
        assert one.tolist() == other.tolist()
    assert learned(unit, lowercase=True).to_json() == tokenizer.to_json()


@pytest.mark.parametrize("stored", [None, 3, "", "{}", '{"version": "1.0"}', "[" * 10_000])
def test_what_is_no_tokenizer_is_refused(stored):
    with pytest.raises(TokenizerError, match="This is no tokenizer: "):
        Tokenizer.from_json(stored)


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"package tokenizers.*unrolled\[text\]"):
        learned("words")


def test_other_symbols_may_be_special():
    tokenizer = learned("words", special=BERT_SPECIAL)
    assert tokenizer.symbols[:4] == ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert [tokenizer.special(name) for name in BERT_SPECIAL] == [0, 1, 2, 3]
    with pytest.raises(TokenizerError, match=r"This is no tokenizer: it has no symbol \[MASK\]\."):
        learned("words").special("[MASK]")


@pytest.mark.parametrize("unit", UNITS)
def test_numbers_come_with_where_they_end(unit):
    tokenizer = learned(unit)
    for text, found in zip(TEXTS, tokenizer.encode_with_ends(TEXTS), strict=True):
        assert found.numbers.tolist() == tokenizer.encode([text])[0].tolist()
        starts = [0, *found.ends[:-1]]
        pieces = [text[a:b].strip() for a, b in zip(starts, found.ends, strict=True)]
        assert "".join(pieces) == "".join(text.split())


@pytest.mark.parametrize("unit", ["words", "characters", "subwords"])
def test_half_a_character_is_read_as_a_sign_for_it(unit):
    made = Tokenizer.learn(["a bc a bc"] * 3, unit, size=300)
    (numbers,) = made.encode(["a \udcff bc\ud83d"])
    assert numbers.tolist() == made.encode(["a \ufffd bc\ufffd"])[0].tolist()
