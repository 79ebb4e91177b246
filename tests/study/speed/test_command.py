"""`unrolled bench`: help that teaches, plain text into a pipe, JSON, and an end by Ctrl-C."""

import json

import pytest

from unrolled.cli import INTERRUPTED, MISTAKE, OK, main
from unrolled.study.speed import layers

TINY = "bench --cells rnn --points 2x3 --steps 3 --seconds 0.000001 --rounds 1".split()
PEERS = ["--peers", "eager", "torch.nn", "loop"]


def test_help_says_who_takes_part_what_ratios_mean_and_how_to_get_peers(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["bench", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    for said in (
        "above 1, ours is faster", "pip install --no-deps torchrecurrent", "'unrolled[bench]'",
        "unrolled bench --quick", "Ctrl-C prints what was measured so far", "--min-char-rnn",
        "--lengths", "--sampling", "1x64 1x128 16x64",
    ):  # fmt: skip
        assert said in out


def test_a_pipe_gets_plain_tables_and_nothing_on_standard_error(capsys):
    assert main([*TINY, *PEERS]) == OK
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert err == ""
    assert "\nrnn, forward, 1 thread, T=3, float32\nB x H  ours (eager) ms" in out
    assert "\nrnn, forward+backward, 1 thread, T=3, float32\n" in out
    assert "\ngeometric means over the points\n" in out
    assert "their time over ours" in " ".join(out.split())
    assert out.startswith(out.splitlines()[0])


def test_markdown(capsys):
    assert main([*TINY, *PEERS, "--markdown", "--mode", "forward"]) == OK
    assert "\n| B x H | ours (eager) ms | rate | torch.nn | loop |\n" in capsys.readouterr().out


def test_json_goes_to_the_file(tmp_path, capsys):
    path = tmp_path / "b.json"
    assert main([*TINY, *PEERS, "--json", str(path)]) == OK
    report = json.loads(path.read_text())
    assert (report["complete"], len(report["measurements"])) == (True, 2)
    assert report["settings"]["json"] == str(path)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bench --cells lstn", "Did you mean lstm?"),
        ("bench --json missing/b.json", "No such file or directory (missing/b.json)"),
        ("bench --min-char-rnn --text missing.txt", "No text at missing.txt"),
    ],
)
def test_a_mistake_is_told_before_anything_is_measured(line, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == MISTAKE
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_impossible_point_ends_with_what_was_wanted(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["bench", "--points", "many"])
    assert ended.value.code == MISTAKE
    assert "wanted BxH such as 32x128" in " ".join(capsys.readouterr().err.split())


def test_ctrl_c_prints_and_writes_what_was_measured_so_far(tmp_path, capsys, monkeypatch):
    measure, made = layers._measure, []

    def interrupted(settings, case, mode, report):
        if made:
            raise KeyboardInterrupt
        made.append(mode)
        return measure(settings, case, mode, report)

    monkeypatch.setattr(layers, "_measure", interrupted)
    path = tmp_path / "b.json"
    assert main([*TINY, *PEERS, "--json", str(path)]) == INTERRUPTED
    out = capsys.readouterr().out
    assert "rnn, forward, 1 thread" in out
    assert "forward+backward" not in out
    report = json.loads(path.read_text())
    assert (report["complete"], len(report["measurements"])) == (False, 1)


def test_help_loads_no_torch():
    import subprocess
    import sys

    code = "import sys\nfrom unrolled.cli import main\n"
    code += "try: main(['bench', '--help'])\nexcept SystemExit: pass\n"
    code += "assert not {'torch', 'jax', 'numpy'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
