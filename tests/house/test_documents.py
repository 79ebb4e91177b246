"""README and tour: every Python block runs, in order, and every command in them."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from unrolled.cli import main

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```(python|sh)\n(.*?)```", re.DOTALL)
BOOK = "It was a bright cold day in April, and the clocks were striking thirteen.\n" * 200


def blocks(document):
    return BLOCK.findall((ROOT / document).read_text())


def tiny(command):
    """The same command in a size that a test can wait for."""
    command = re.sub(r"--minutes \d+", "--steps 12", command)
    if command.startswith("unrolled train"):
        command = re.sub(r"--hidden-size \d+", "", command)
        command = re.sub(r" (shakespeare|python)\b", " book.txt", command)
        command += " --hidden-size 16 --batch-size 4 --bptt 16 --evaluate-every 10"
        command += "" if "--steps" in command else " --steps 12"
        if "book.txt" not in command:
            command = command.replace("char-lm", "char-lm book.txt")
    if command.startswith("unrolled look") and "--characters" not in command:
        command += " --characters 1000 --shifts 199 --lens-steps 8"
    return command


def run_python(source, folder, names, index):
    file = folder / f"block_{index}.py"
    file.write_text(source)
    exec(compile(source, str(file), "exec"), names)


def run_shell(source, folder, capsys):
    for line in source.strip().splitlines():
        program, *given = shlex.split(tiny(line.partition("#")[0].strip())) or [""]
        if program == "unrolled":  # here, where all is loaded
            code, complaint = main(given), capsys.readouterr().err
        elif program == "python":
            done = subprocess.run(
                [sys.executable, *given], cwd=folder, capture_output=True, text=True, check=False
            )
            code, complaint = done.returncode, done.stderr
        else:
            continue
        assert code == 0, f"{line}\n{complaint}"


@pytest.mark.parametrize("document", ["README.md", "docs/tour.md"])
def test_every_block_runs(document, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "book.txt").write_text(BOOK)
    for example in (ROOT / "examples").glob("*.py"):
        shutil.copy(example, tmp_path)
    names = {"__name__": "__main__"}
    found = blocks(document)
    assert found
    for index, (kind, source) in enumerate(found):
        if kind == "python":
            run_python(source, tmp_path, names, index)
        else:
            run_shell(source, tmp_path, capsys)
