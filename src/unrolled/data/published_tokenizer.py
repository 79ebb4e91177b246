"""Tokenizers as the hub publishes them: BERT's WordPiece, GPT-2's byte-pair encodings.

All become one of the library `tokenizers`, with BERT's own way to clean a text and to find words in
it (Devlin et al. 2018), or GPT-2's (Radford et al. 2019).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unrolled.data.tokenizer import BERT_SPECIAL, UNKNOWN, Tokenizer, tokenizers_library
from unrolled.errors import TokenizerError, UnrolledError

PADDING, END_OF_TEXT = "[PAD]", "<|endoftext|>"
_SETTINGS = "tokenizer_config.json"


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer in a folder, from the first of `FORMATS` of which it has all files.

    Args:
        folder: Such as the hub has it for each model.

    Raises:
        MissingExtraError: The library is not installed.
        TokenizerError: There is none, or a file of it is damaged.
    """
    for names, read in FORMATS.items():
        files = [folder / name for name in names]
        if all(file.is_file() for file in files):
            return _read(read, files)
    known = "; ".join(" and ".join(names) for names in FORMATS)
    raise TokenizerError(problem=f"{folder} has none of these: {known}")


def _read(read: Callable[..., Any], files: list[Path]) -> Tokenizer:
    library = tokenizers_library()
    try:
        inner = read(library, *files)
    except UnrolledError:
        raise
    except Exception as error:  # the library raises nothing narrower
        raise TokenizerError(problem=f"{files[0]}: {error}") from None
    numbers = inner.get_vocab().values()
    if {*numbers} != {*range(len(numbers))}:
        problem = (
            f"{files[0]} has {len(numbers):,} symbols, not numbered from 0 one after the other"
        )
        raise TokenizerError(problem=problem)
    return Tokenizer(inner)


def _word_pieces(library: Any, vocabulary: Path) -> Any:
    symbols = vocabulary.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    known = {symbol: number for number, symbol in enumerate(symbols)}
    settings = vocabulary.with_name(_SETTINGS)
    given = json.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
    inner = library.Tokenizer(library.models.WordPiece(known, unk_token=UNKNOWN))
    inner.normalizer = library.normalizers.BertNormalizer(
        lowercase=given.get("do_lower_case", True),
        strip_accents=given.get("strip_accents"),
        handle_chinese_chars=given.get("tokenize_chinese_chars", True),
    )
    inner.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    inner.decoder = library.decoders.WordPiece()
    inner.add_special_tokens([name for name in (PADDING, *BERT_SPECIAL) if name in known])
    return inner


def _whole(library: Any, file: Path) -> Any:
    inner = library.Tokenizer.from_str(file.read_text(encoding="utf-8"))
    inner.no_truncation()
    inner.no_padding()
    return inner


def _byte_pairs(library: Any, vocabulary: Path, merges: Path) -> Any:
    inner = library.Tokenizer(library.models.BPE.from_file(str(vocabulary), str(merges)))
    inner.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = library.decoders.ByteLevel()
    inner.add_special_tokens([END_OF_TEXT] if inner.token_to_id(END_OF_TEXT) is not None else [])
    return inner


FORMATS: dict[tuple[str, ...], Callable[..., Any]] = {
    ("vocab.txt",): _word_pieces,
    ("tokenizer.json",): _whole,
    ("vocab.json", "merges.txt"): _byte_pairs,
    ("encoder.json", "vocab.bpe"): _byte_pairs,  # as OpenAI named them
}
"""By the names of its files, what reads each format; the first that is there is taken."""
