"""The program that stands alone: its mathematics against torch, its command from outside."""

import ast
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from unrolled import min_char_rnn
from unrolled.min_char_rnn import (
    adagrad,
    check_gradients,
    clip,
    forward,
    initial_parameters,
    loss_and_gradients,
    main,
    read_text,
    sample,
    train,
)

TEXT = "hello world, here I am again. " * 20
COMMAND = [sys.executable, "-m", "unrolled.min_char_rnn"]
NAMES = ["W_xh", "W_hh", "W_hy", "b_h", "b_y"]


def random_parameters(rng, hidden_size, vocabulary_size, *, scale=None):
    scale = scale or hidden_size**-0.5  # more is chaos, which would blow rounding up
    start = initial_parameters(rng, hidden_size, vocabulary_size)
    return {name: rng.normal(0, scale, values.shape) for name, values in start.items()}


def zeros_like(parameters):
    return {name: np.zeros_like(values) for name, values in parameters.items()}


def ids_of(text):
    vocabulary = sorted(set(text))
    return np.array([vocabulary.index(character) for character in text])


def torch_step(inputs, targets, h, weights):
    """The same equations in torch, one step at a time, with one-hot vectors and cross_entropy."""
    x = torch.nn.functional.one_hot(torch.as_tensor(inputs), len(weights["b_y"])).double()
    loss = torch.zeros((), dtype=torch.float64)
    for x_t, target in zip(x, targets, strict=True):
        h = torch.tanh(weights["W_xh"] @ x_t + weights["W_hh"] @ h + weights["b_h"])
        y = weights["W_hy"] @ h + weights["b_y"]
        loss = loss + torch.nn.functional.cross_entropy(y, torch.tensor(int(target)))
    return loss, h


@pytest.mark.parametrize(("T", "H", "V"), [(25, 100, 60), (25, 7, 3), (4, 5, 40), (1, 1, 2)])
def test_loss_state_and_gradients_equal_those_of_torch_autograd(T, H, V):
    rng = np.random.default_rng(T * H + V)
    parameters = random_parameters(rng, H, V)
    inputs, targets, h = rng.integers(0, V, T), rng.integers(0, V, T), rng.uniform(-1, 1, H)
    loss, gradients, last_h = loss_and_gradients(inputs, targets, h, parameters)
    weights = {k: torch.tensor(v, requires_grad=True) for k, v in parameters.items()}
    expected_loss, expected_h = torch_step(inputs, targets, torch.tensor(h), weights)
    expected_loss.backward()
    assert loss == pytest.approx(expected_loss.item(), rel=1e-12)
    np.testing.assert_allclose(last_h, expected_h.detach().numpy(), rtol=0, atol=1e-12)
    assert list(gradients) == NAMES
    for name in NAMES:
        np.testing.assert_allclose(
            gradients[name], weights[name].grad.numpy(), rtol=0, atol=1e-10, err_msg=name
        )


def test_fifteen_iterations_over_the_wrap_equal_the_deck_written_in_torch():
    ids, rng = ids_of("aaaab" * 22), np.random.default_rng(0)
    parameters = initial_parameters(rng, 9, 2)
    weights = {k: torch.tensor(v, requires_grad=True) for k, v in parameters.items()}
    memory = {k: torch.zeros_like(v) for k, v in weights.items()}
    position, smooth_loss, wraps, clipped, seen = 0, 25 * np.log(2), 0, 0, []
    h = torch.zeros(9, dtype=torch.float64)
    for _ in range(15):
        if position + 25 + 1 >= len(ids):
            position, h, wraps = 0, torch.zeros_like(h), wraps + 1
        inputs, targets = ids[position : position + 25], ids[position + 1 : position + 26]
        loss, h = torch_step(inputs, targets, h.detach(), weights)
        gradients = torch.autograd.grad(loss, list(weights.values()))
        smooth_loss = 0.999 * smooth_loss + 0.001 * loss.item()
        seen.append(smooth_loss)
        for name, gradient in zip(weights, gradients, strict=True):
            clipped += int((gradient.abs() > 5).sum())
            gradient = gradient.clamp(-5, 5)
            memory[name] += gradient**2
            weights[name].data -= 0.1 * gradient / (memory[name] + 1e-8).sqrt()
        position += 25
    ours = zeros_like(parameters)
    smooth = [step[2] for step in islice(train(ids, parameters, ours), 16)][:15]
    assert wraps == 3
    assert clipped > 10
    np.testing.assert_allclose(smooth, seen, rtol=1e-10)
    for name in NAMES:
        np.testing.assert_allclose(parameters[name], weights[name].detach().numpy(), atol=1e-9)
        np.testing.assert_allclose(ours[name], memory[name].numpy(), atol=1e-9)


def test_initial_weights_have_the_decks_scale_and_shapes():
    parameters = initial_parameters(np.random.default_rng(0), 100, 60)
    shapes = {name: values.shape for name, values in parameters.items()}
    assert shapes == dict(
        zip(NAMES, [(100, 60), (100, 100), (60, 100), (100,), (60,)], strict=True)
    )
    assert {np.round(parameters[name].std(), 3) for name in NAMES[:3]} == {0.01}
    assert not parameters["b_h"].any()
    assert not parameters["b_y"].any()


def test_scores_too_large_for_exp_give_a_finite_loss():
    parameters = zeros_like(initial_parameters(np.random.default_rng(0), 2, 3))
    parameters["b_y"][:] = [5000.0, 0.0, -5000.0]
    _, log_p = forward(np.array([0, 1]), np.zeros(2), parameters)
    np.testing.assert_array_equal(log_p, [[0, -5000, -10000]] * 2)


def test_clip_bounds_each_entry_and_leaves_its_argument():
    gradients = {"W": np.array([[-7.0, -5.0], [4.9, 1e9]])}
    np.testing.assert_array_equal(clip(gradients)["W"], [[-5, -5], [4.9, 5]])
    assert gradients["W"][1, 1] == 1e9


def test_adagrad_divides_by_the_root_of_the_summed_squares():
    parameters, memory = {"b": np.array([1.0, 1.0])}, {"b": np.array([0.0, 16.0])}
    adagrad(parameters, {"b": np.array([1e-4, 3.0])}, memory)
    np.testing.assert_allclose(memory["b"], [1e-8, 25])
    np.testing.assert_allclose(parameters["b"], [1 - 0.1 / np.sqrt(2), 1 - 0.1 * 3 / 5], rtol=1e-9)


@pytest.mark.parametrize(
    ("length", "positions"),
    [(26, [0, 0, 0, 0]), (51, [0, 0, 0, 0]), (52, [0, 25, 0, 25]), (80, [0, 25, 50, 0])],
)
def test_state_is_carried_between_chunks_and_reset_at_the_wrap(length, positions):
    ids, rng = ids_of(TEXT[:length]), np.random.default_rng(0)
    parameters = random_parameters(rng, 6, int(ids.max()) + 1)
    carried = np.zeros(6)
    steps = islice(train(ids, parameters, zeros_like(parameters)), len(positions))
    for expected, (_, _, _, h, position) in zip(positions, steps, strict=True):
        assert position == expected
        np.testing.assert_array_equal(h, carried if position else np.zeros(6))
        carried = forward(ids[position : position + 25], h, parameters)[0][-1]
        assert np.abs(carried).max() > 0.01


def test_smooth_loss_starts_at_ignorance_and_moves_by_a_thousandth():
    ids = ids_of(TEXT)
    parameters = initial_parameters(np.random.default_rng(0), 100, int(ids.max()) + 1)
    previous = 25 * np.log(int(ids.max()) + 1)
    for _, loss, smooth_loss, _, _ in islice(train(ids, parameters, zeros_like(parameters)), 5):
        assert smooth_loss == pytest.approx(0.999 * previous + 0.001 * loss, rel=1e-12)
        previous = smooth_loss


@pytest.mark.parametrize("seed", [0, 1])
def test_a_repeating_text_is_learned_to_a_fifth_of_a_nat_a_character(seed):
    ids = ids_of(TEXT)
    parameters = initial_parameters(np.random.default_rng(seed), 100, int(ids.max()) + 1)
    steps = list(islice(train(ids, parameters, zeros_like(parameters)), 501))
    losses = [loss / 25 for _, loss, _, _, _ in steps]
    assert losses[0] == pytest.approx(np.log(16), abs=0.01)
    assert max(losses[-20:]) < 0.2


def test_each_sample_is_fed_back_as_the_next_input():
    parameters = zeros_like(initial_parameters(np.random.default_rng(0), 4, 4))
    parameters["W_xh"] = 10 * np.eye(4)
    parameters["W_hy"] = 100 * np.roll(np.eye(4), 1, axis=0)  # after i comes i + 1
    drawn = sample(parameters, np.zeros(4), 2, length=9, rng=np.random.default_rng(0))
    assert drawn == [3, 0, 1, 2, 3, 0, 1, 2, 3]


def test_samples_come_as_often_as_their_probability_says():
    parameters = zeros_like(initial_parameters(np.random.default_rng(0), 2, 3))
    parameters["b_y"] = np.log([0.7, 0.2, 0.1])
    drawn = sample(parameters, np.zeros(2), 0, length=4000, rng=np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(drawn) / 4000, [0.7, 0.2, 0.1], atol=0.02)


def test_sample_carries_its_state():
    rng = np.random.default_rng(0)
    parameters = random_parameters(rng, 8, 5, scale=2)
    h = rng.uniform(-1, 1, 8)
    drawn = sample(parameters, h, 3, length=6, rng=np.random.default_rng(7))
    _, log_p = forward(np.array([3, *drawn[:-1]]), h, parameters)
    again = np.random.default_rng(7)
    assert drawn == [int(again.choice(5, p=np.exp(row))) for row in log_p]


def chunk_of_random_text(vocabulary_size=20):
    rng = np.random.default_rng(3)
    ids = rng.integers(0, vocabulary_size, 26)
    return ids[:-1], ids[1:], random_parameters(rng, 30, vocabulary_size, scale=0.2), rng


def test_gradient_check_passes_and_leaves_the_weights():
    inputs, targets, parameters, rng = chunk_of_random_text()
    before = {name: values.copy() for name, values in parameters.items()}
    errors = check_gradients(inputs, targets, parameters, rng=rng)
    assert list(errors) == NAMES
    assert max(errors.values()) < 1e-6
    for name in NAMES:
        np.testing.assert_array_equal(parameters[name], before[name])


@pytest.mark.parametrize("planted", NAMES)
def test_gradient_check_finds_a_gradient_wrong_by_a_thousandth(planted, monkeypatch):
    right = min_char_rnn.backward

    def wrong(*arguments):
        gradients = right(*arguments)
        return gradients | {planted: 1.001 * gradients[planted]}

    monkeypatch.setattr(min_char_rnn, "backward", wrong)
    inputs, targets, parameters, rng = chunk_of_random_text()
    errors = check_gradients(inputs, targets, parameters, rng=rng)
    assert {name for name, error in errors.items() if error > 1e-5} == {planted}


def test_gradient_check_finds_a_missing_way_back_through_time(monkeypatch):
    right = min_char_rnn.backward

    def forgetful(inputs, states, d_scores, parameters):
        return right(inputs, states, d_scores, parameters | {"W_hh": 0 * parameters["W_hh"]})

    monkeypatch.setattr(min_char_rnn, "backward", forgetful)
    inputs, targets, parameters, rng = chunk_of_random_text()
    errors = check_gradients(inputs, targets, parameters, rng=rng)
    assert {name for name, error in errors.items() if error > 1e-5} == {"W_xh", "W_hh", "b_h"}


def test_gradient_check_reports_a_gradient_that_is_no_number(monkeypatch):
    right = min_char_rnn.backward
    monkeypatch.setattr(
        min_char_rnn, "backward", lambda *a: right(*a) | {"b_y": np.full(20, np.nan)}
    )
    inputs, targets, parameters, rng = chunk_of_random_text()
    assert np.isnan(check_gradients(inputs, targets, parameters, rng=rng)["b_y"])


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_check_command_prints_a_row_each_parameter_and_exits_with_0(text_file, capsys):
    assert main([str(text_file), "--check"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [(name, verdict) for name, _, verdict in rows] == [(name, "right") for name in NAMES]


@pytest.mark.parametrize("factor", [1.01, np.nan])
def test_check_command_exits_with_1_and_names_the_wrong_one(text_file, capsys, monkeypatch, factor):
    right = min_char_rnn.backward

    def wrong(*arguments):
        gradients = right(*arguments)
        return gradients | {"W_hh": factor * gradients["W_hh"]}

    monkeypatch.setattr(min_char_rnn, "backward", wrong)
    assert main([str(text_file), "--check"]) == 1
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [name for name, _, verdict in rows if verdict == "WRONG"] == ["W_hh"]


def test_command_learns_and_samples_every_hundred_iterations(text_file):
    arguments = [*COMMAND, str(text_file), "--iterations", "400"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("600 characters, 16 distinct\n----\n")
    lines = [line.split() for line in done.stdout.splitlines() if "smooth loss" in line]
    assert [line[1] for line in lines] == ["0,", "100,", "200,", "300,", "400,"]
    assert float(lines[0][-1]) == pytest.approx(25 * np.log(16), abs=0.01)
    assert float(lines[-1][-1]) < 60
    samples = done.stdout.split("----\n")[1::2]
    assert [len(drawn) for drawn in samples] == [201] * 5  # the 200 and a line's end
    assert "world" in samples[-1]


def test_the_same_seed_repeats_the_run_and_another_does_not(text_file, capsys):
    outputs = []
    for seed in ["5", "5", "6"]:
        assert main([str(text_file), "--iterations", "100", "--seed", seed]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert outputs[0] != outputs[2]


def test_codes_that_command_a_terminal_are_spelled_out(tmp_path, capsys):
    path = tmp_path / "codes.txt"
    path.write_bytes("\x1b[31m\x00\x9b\u202e\rñ\n\t".encode() * 5)
    assert main([str(path), "--iterations", "0"]) == 0
    out = capsys.readouterr().out
    assert {character for character in out if not character.isprintable()} == {"\n", "\t"}
    for code in [r"\x1b", r"\x00", r"\x9b", r"\u202e", "ñ"]:
        assert code in out


def test_a_terminal_without_the_letter_gets_its_code(tmp_path, monkeypatch):
    path = tmp_path / "letters.txt"
    path.write_text("añ字" * 20, encoding="utf-8")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    arguments = [*COMMAND, str(path), "--iterations", "0"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert r"\xf1" in done.stdout
    assert r"\u5b57" in done.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory.*wanted plain text: give a file in UTF-8"),
        (b"", "has 0 characters, 0 distinct; wanted at least 26 and 2: give a longer text"),
        (b"ab" * 12 + b"a", "has 25 characters, 2 distinct; wanted at least 26 and 2"),
        (b"a" * 100, "has 100 characters, 1 distinct; wanted at least 26 and 2"),
        (b"plain " * 9 + b"\xff", "0xff in position 54.*wanted plain text: give a file in UTF-8"),
        ("text of another kind".encode("utf-16"), "cannot read .*give a file in UTF-8"),
    ],
)
def test_a_bad_text_is_refused_in_one_line_with_exit_code_2(tmp_path, capsys, content, message):
    path = tmp_path / "odd\n\x1b name.txt"
    if content is not None:
        path.write_bytes(content)
    assert main([str(path), "--iterations", "0"]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("min_char_rnn: ")
    assert error.endswith("\n")
    assert error[:-1].isprintable()
    assert r"odd\n\x1b name.txt" in error
    with pytest.raises(ValueError, match=message):
        read_text(path)


def test_a_folder_is_refused(tmp_path, capsys):
    assert main([str(tmp_path), "--iterations", "0"]) == 2
    assert "Is a directory" in capsys.readouterr().err


def test_a_negative_seed_is_refused(text_file, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([str(text_file), "--seed", "-1"])
    assert "got --seed -1; give 0 or more" in capsys.readouterr().err


def test_a_byte_order_mark_is_not_part_of_the_text(tmp_path):
    path = tmp_path / "marked.txt"
    path.write_text(TEXT, encoding="utf-8-sig")
    assert read_text(path) == TEXT


def test_it_runs_until_control_c_which_ends_it_quietly_with_exit_code_130(text_file):
    arguments = [*COMMAND, str(text_file)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert any(line.startswith(b"iteration 300,") for line in process.stdout)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (130, b"")


def test_a_reader_that_goes_away_ends_it_quietly(text_file):
    arguments = [*COMMAND, str(text_file)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"600 characters, 16 distinct\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 141


def test_it_imports_nothing_but_numpy_and_the_standard_library():
    tree = ast.parse(Path(min_char_rnn.__file__).read_text(encoding="utf-8"))
    names = {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} - sys.stdlib_module_names == {"numpy"}
