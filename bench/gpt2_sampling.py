"""Tokens a second of GPT-2 that writes greedily with a cache: ours beside `transformers`' generate.

Both have the same random weights, and must write the same tokens. Rounds take turns; printed are
the medians, and the fastest rounds.

    python bench/gpt2_sampling.py
    python bench/gpt2_sampling.py --size gpt2-medium --threads 1
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import transformers
from machine import describe
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from unrolled.models.attention_only.gpt2 import GPT2, GPT2_SHAPES, GPT2Shape
from unrolled.models.attention_only.published import published_tensors

SHAPES = {**GPT2_SHAPES, "tiny": GPT2Shape(100, 128, 16, 2, 2)}  # tiny: to see that it runs


def theirs_like(ours: GPT2) -> GPT2LMHeadModel:
    """The model of `transformers` with our weights."""
    shape = ours.shape
    config = GPT2Config(
        vocab_size=shape.vocabulary_size,
        n_positions=shape.context,
        n_embd=shape.width,
        n_layer=shape.num_layers,
        n_head=shape.num_heads,
        bos_token_id=None,
        eos_token_id=None,
    )
    theirs = GPT2LMHeadModel(config)
    theirs.transformer.load_state_dict(published_tensors(ours))
    return theirs.eval()


@torch.inference_mode()
def write(model: GPT2, prompt: Tensor, count: int) -> Tensor:
    """The prompt and the likeliest symbols after it."""
    written, cache = [prompt], None
    for _ in range(count):
        features, cache = model.features(written[-1], cache)
        written.append(model.readout(features[:, -1]).argmax(-1, keepdim=True))
    return torch.cat(written, dim=1)


def take_turns(writers: dict[str, Callable[[], Tensor]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each, round after round; the first round is left out."""
    times: dict[str, list[float]] = {name: [] for name in writers}
    for _ in range(rounds + 1):
        for name, run in writers.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: found[1:] for name, found in times.items()}


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", choices=SHAPES, default="gpt2")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--prompt", type=int, default=32, help="tokens that are given")
    parser.add_argument("--tokens", type=int, default=64, help="tokens that are written")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    ours = GPT2(SHAPES[options.size]).eval()
    theirs = theirs_like(ours).to(options.device)
    ours.to(options.device)
    prompt = torch.randint(ours.shape.vocabulary_size, (options.batch_size, options.prompt))
    prompt = prompt.to(options.device)
    greedily = {"max_new_tokens": options.tokens, "do_sample": False, "pad_token_id": 0}
    writers = {
        "unrolled": lambda: write(ours, prompt, options.tokens).cpu(),
        "transformers": lambda: theirs.generate(prompt, **greedily).cpu(),  # pyright: ignore[reportAttributeAccessIssue]
    }
    assert torch.equal(*(run() for run in writers.values()))
    times = take_turns(writers, options.rounds)
    count = options.batch_size * options.tokens
    print(f"{describe(options.device)}, transformers {transformers.__version__}")
    print(f"{options.size}, float32, {options}")
    print(f"{'tokens a second':<16}{'median':>10}{'fastest':>10}")
    for name, found in times.items():
        print(f"{name:<16}{count / statistics.median(found):>10.1f}{count / min(found):>10.1f}")


if __name__ == "__main__":
    main()
