"""Small folders as the hub publishes them, written by `transformers`."""

import json

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = "the film was and a day of it in to fine great lovely warm poor awful cold grim".split()
SYMBOLS = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS[:4], *WORDS[5:]]


def publish_bert(folder, kind=BertModel, symbols=SYMBOLS, **changes):
    """A tiny BERT with weights by chance, and its vocabulary; theirs, and the folder."""
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 64, "max_position_embeddings": 40}
    torch.manual_seed(0)
    theirs = kind(BertConfig(vocab_size=len(SYMBOLS), **{**sizes, **changes})).eval()
    theirs.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(symbols) + "\n")
    return theirs


def publish_gpt2(folder):
    """A tiny GPT-2 whose vocabulary is all bytes, and one merge."""
    vocabulary = {symbol: n for n, symbol in enumerate([*sorted(ByteLevel.alphabet()), "th"])}
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(vocabulary), n_positions=16, n_embd=8, n_layer=1, n_head=2,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    theirs = GPT2LMHeadModel(config).eval()
    theirs.save_pretrained(folder)
    (folder / "encoder.json").write_text(json.dumps(vocabulary))
    (folder / "vocab.bpe").write_text("#version: 0.2\nt h\n")
    return theirs


def change_config(folder, **changes):
    """Other values in config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
