"""A recurrent network that learns to write, in numpy alone: `python -m unrolled.min_char_rnn FILE`.

It reads a text one character at a time and guesses the next. With x_t the one-hot vector of the
character at time t, and y_t the character that follows it:

    h_t = tanh(W_xh @ x_t + W_hh @ h_{t-1} + b_h)
    p_t = softmax(W_hy @ h_t + b_y)                loss = sum over t of -log p_t[y_t]

Model and settings are those of Andrej Karpathy's min-char-rnn (2015). Nothing else of this package
is needed; read from top to bottom. T is time, H hidden, V vocabulary; d_name is d loss / d name.
"""

import argparse
import io
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.random import Generator

HIDDEN_SIZE = 100
STEPS = 25  # characters in a chunk: as far back as a gradient travels
LEARNING_RATE = 0.1
CLIP = 5.0

Array = np.ndarray
Parameters = dict[str, Array]


def initial_parameters(rng: Generator, hidden_size: int, vocabulary_size: int) -> Parameters:
    """Draw small random weights; biases start at zero."""
    return {
        "W_xh": 0.01 * rng.standard_normal((hidden_size, vocabulary_size)),
        "W_hh": 0.01 * rng.standard_normal((hidden_size, hidden_size)),
        "W_hy": 0.01 * rng.standard_normal((vocabulary_size, hidden_size)),
        "b_h": np.zeros(hidden_size),
        "b_y": np.zeros(vocabulary_size),
    }


def forward(inputs: Array, h: Array, parameters: Parameters) -> tuple[Array, Array]:
    """Compute the states, T+1 × H with `h` in front, and the log-probabilities log p_t, T × V."""
    # x_t is zero but for a single 1, so W_xh @ x_t is one column of W_xh: look it up.
    from_input = parameters["W_xh"].T[inputs] + parameters["b_h"]  # T H
    states = np.empty((len(inputs) + 1, len(h)))
    states[0] = h
    for t in range(len(inputs)):
        states[t + 1] = np.tanh(from_input[t] + parameters["W_hh"] @ states[t])
    scores = states[1:] @ parameters["W_hy"].T + parameters["b_y"]  # T V, all steps in one product
    scores -= scores.max(axis=1, keepdims=True)  # changes no p, and exp cannot overflow
    return states, scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def backward(inputs: Array, states: Array, d_scores: Array, parameters: Parameters) -> Parameters:
    """Compute all gradients from those of the scores, which are what softmax is taken of."""
    from_scores = d_scores @ parameters["W_hy"]  # T H, what comes back to h_t from its own p_t
    from_next = np.zeros(states.shape[1])  # H, what comes back to h_t from h_{t+1}: 0 at the end
    d_sums = np.empty_like(from_scores)  # T H, of the sums that tanh is taken of
    tanh_slopes = 1 - states[1:] ** 2
    for t in reversed(range(len(inputs))):
        d_sums[t] = tanh_slopes[t] * (from_scores[t] + from_next)
        from_next = d_sums[t] @ parameters["W_hh"]  # a row times W is Wᵀ times a column
    one_hot = inputs[:, np.newaxis] == np.arange(len(parameters["b_y"]))  # T V
    # Every step uses the same weights: their gradients are sums over t, so products over T.
    return {
        "W_xh": d_sums.T @ one_hot,
        "W_hh": d_sums.T @ states[:-1],
        "W_hy": d_scores.T @ states[1:],
        "b_h": d_sums.sum(axis=0),
        "b_y": d_scores.sum(axis=0),
    }


def loss_and_gradients(
    inputs: Array, targets: Array, h: Array, parameters: Parameters
) -> tuple[float, Parameters, Array]:
    """Compute the summed loss in nats, its gradients (not clipped) and the last state."""
    states, log_p = forward(inputs, h, parameters)
    of_targets = np.arange(len(targets)), targets
    d_scores = np.exp(log_p)
    d_scores[of_targets] -= 1  # softmax and -log together: p_t minus the one-hot y_t
    gradients = backward(inputs, states, d_scores, parameters)
    return -float(log_p[of_targets].sum()), gradients, states[-1]


def clip(gradients: Parameters) -> Parameters:
    """Bring every entry of the gradients into [-5, 5], for they can explode."""
    return {name: np.clip(gradient, -CLIP, CLIP) for name, gradient in gradients.items()}


def adagrad(parameters: Parameters, gradients: Parameters, memory: Parameters) -> None:
    """Move the parameters in place; the more an entry has been pushed, the shorter its step."""
    for name, gradient in gradients.items():
        memory[name] += gradient * gradient
        parameters[name] -= LEARNING_RATE * gradient / np.sqrt(memory[name] + 1e-8)


def train(
    data_ids: Array, parameters: Parameters, memory: Parameters
) -> Iterator[tuple[int, float, float, Array, int]]:
    """Sweep over the text for ever, moving `parameters` and `memory` in place.

    Yields:
        Iteration, loss, smooth loss, and the state and the place in the text at which the chunk
        begins: all before this chunk moves the weights, which it does when the next is asked for.

    """
    h, position = np.zeros_like(parameters["b_h"]), 0
    smooth_loss = STEPS * float(np.log(len(parameters["b_y"])))  # that of a guess with no idea
    for iteration in itertools.count():
        if position + STEPS + 1 >= len(data_ids):  # the text is over: begin again, with no memory
            h, position = np.zeros_like(h), 0
        chunk = data_ids[position : position + STEPS + 1]
        loss, gradients, last_h = loss_and_gradients(chunk[:-1], chunk[1:], h, parameters)
        smooth_loss = 0.999 * smooth_loss + 0.001 * loss
        yield iteration, loss, smooth_loss, h, position
        adagrad(parameters, clip(gradients), memory)
        h, position = last_h, position + STEPS  # the state goes on; no gradient follows it back


def sample(
    parameters: Parameters, h: Array, character_id: int, *, length: int, rng: Generator
) -> list[int]:
    """Draw characters one by one, each fed back as the next input."""
    drawn = []
    for _ in range(length):
        states, log_p = forward(np.array([character_id]), h, parameters)
        h, character_id = states[-1], int(rng.choice(log_p.shape[1], p=np.exp(log_p[0])))
        drawn.append(character_id)
    return drawn


def check_gradients(
    inputs: Array, targets: Array, parameters: Parameters, *, rng: Generator
) -> dict[str, float]:
    """Find each gradient's largest relative error at 100 random entries, by measured slopes."""
    h = rng.uniform(-1, 1, parameters["b_h"].shape)
    _, gradients, _ = loss_and_gradients(inputs, targets, h, parameters)
    errors = {}
    for name, values in parameters.items():
        found = []
        for i in rng.permutation(values.size)[:100]:
            gradient, value, losses = gradients[name].flat[i], values.flat[i], []
            for nudged in (value + 1e-5, value - 1e-5, value):  # the last puts it back
                values.flat[i] = nudged
                losses.append(loss_and_gradients(inputs, targets, h, parameters)[0])
            slope = (losses[0] - losses[1]) / 2e-5
            # Rounding alone makes a slope wrong by about 1e-9: divide by nothing so tiny.
            found.append(abs(gradient - slope) / max(abs(gradient), abs(slope), 1e-2))
        errors[name] = float(np.max(found))  # unlike max, never loses a NaN
    return errors


def read_text(path: Path) -> str:
    """Read the text in a file.

    Raises:
        ValueError: Nothing can be learned from it; the message says why.

    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot read {str(path)!r}: {error}; wanted plain text: give a file in UTF-8"
        raise ValueError(message) from error
    if len(text) <= STEPS or len(set(text)) == 1:
        came = f"{str(path)!r} has {len(text)} characters, {len(set(text))} distinct"
        raise ValueError(f"{came}; wanted at least {STEPS + 1} and 2: give a longer text")
    return text


def learn(data_ids: Array, vocabulary: list[str], *, iterations: int, rng: Generator) -> int:
    """Train, and print every 100 iterations what the network writes; return the exit code."""
    print(f"{len(data_ids)} characters, {len(vocabulary)} distinct", flush=True)
    # A text may hold codes that command a terminal: those are spelled out.
    shown = [c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in vocabulary]
    parameters = initial_parameters(rng, HIDDEN_SIZE, len(vocabulary))
    memory = {name: np.zeros_like(values) for name, values in parameters.items()}
    for iteration, _, smooth_loss, h, position in train(data_ids, parameters, memory):
        if iteration % 100 == 0:
            drawn = sample(parameters, h, data_ids[position], length=200, rng=rng)
            print(f"----\n{''.join(shown[i] for i in drawn)}\n----")
            print(f"iteration {iteration}, smooth loss {smooth_loss:.4f}", flush=True)
        if iteration == iterations:
            break
    return 0


def check(data_ids: Array, vocabulary: list[str], *, rng: Generator) -> int:
    """Print the gradient check on the text's first chunk; return the exit code."""
    start = initial_parameters(rng, HIDDEN_SIZE, len(vocabulary))
    # With weights of 0.01 next to nothing comes back through W_hh; 0.1 keeps it alive.
    parameters = {name: rng.normal(0, 0.1, values.shape) for name, values in start.items()}
    errors = check_gradients(data_ids[:STEPS], data_ids[1 : STEPS + 1], parameters, rng=rng)
    print("gradient  largest relative error")
    for name, error in errors.items():
        print(f"{name:8}  {error:.1e} {'right' if error < 1e-5 else 'WRONG'}")
    return 0 if all(error < 1e-5 for error in errors.values()) else 1


def run(options: argparse.Namespace) -> int:
    """Read the text and do what the options ask for; return the exit code."""
    try:
        text = read_text(options.file)
    except ValueError as mistake:
        print(f"min_char_rnn: {mistake}", file=sys.stderr)
        return 2
    vocabulary = sorted(set(text))
    number = {character: i for i, character in enumerate(vocabulary)}
    data_ids = np.fromiter((number[character] for character in text), np.int32, len(text))
    rng = np.random.default_rng(options.seed)
    if options.check:
        return check(data_ids, vocabulary, rng=rng)
    return learn(data_ids, vocabulary, iterations=options.iterations, rng=rng)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser("python -m unrolled.min_char_rnn")
    parser.add_argument("file", type=Path, metavar="FILE", help="a text in UTF-8")
    parser.add_argument("--check", action="store_true", help="check the gradients, do not train")
    parser.add_argument(
        "--iterations", type=int, default=-1, help="default: until Ctrl-C", metavar="N"
    )
    parser.add_argument("--seed", type=int, default=0, help="0 or more; default: 0", metavar="N")
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error(f"got --seed {options.seed}; give 0 or more")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a poor terminal must not end the run
    try:
        return run(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output is gone, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's last flush
        return 141


if __name__ == "__main__":
    sys.exit(main())
