"""Whatever is typed, a mistake costs one message that says what to do, exit code 2, and nothing."""

import json
import os
import re
import shutil
import sys

import pytest
from tests.tasks.tiny_text import SMALL
from tests.training.test_full_disk import no_file_above

from unrolled.training.storage.run_folder import open_run

UNTRACEABLE = '''
from unrolled import cell

@cell
def loops(x, h, *, W):
    """Not an equation."""
    while True:
        h = W.hh @ h
    return h

@cell
def returns_too_much(x, h, *, W):
    """Two for one."""
    return h, h
'''
TRAIN = f"train char-lm book.txt --steps 4 {SMALL} --out new "
MANY_NINES = "9" * 400

COMMANDS = {  # what is typed: what is said
    "fly": "no verb 'fly'; there are: train, resume, generate",
    "train fly": "no task is named 'fly'; there are: char-lm",
    "train char-lm missing.txt": "No text at missing.txt",
    "train char-lm bok.txt": "No text at bok.txt. Did you mean book.txt",
    "train char-lm shakespear": "Did you mean shakespeare?",
    "train char-lm empty.txt": "empty.txt is empty. Give a text with something in it",
    "train char-lm one.txt": "holds 4 times 'a' and nothing else",
    "train char-lm nul.bin": "holds a NUL at byte 3. Give a text; char-lm alone reads any bytes",
    "train char-lm latin.txt": "0xe9, fits no character. Say what it is, perhaps --encoding lat",
    "train char-lm tiny.txt": "The text has 9 characters, but training on one chunk of --bptt step",
    "train char-lm tiny.txt --bptt 2": "validation=0.05 cannot be; wanted a share with 2 char",
    "train char-lm folder": "folder holds no text file",
    "train char-lm /dev/null": "is a device, and a text must be a file or a folder",
    "train char-lm book.txt/inside": "No text at book.txt/inside",
    TRAIN + "--encoding utf-9": "No text encoding is called utf-9. Did you mean utf",
    TRAIN + "--cell lstn": "no cell is named .?lstn.*Did you mean lstm?",
    TRAIN + "--cell lstm+zone:0.1": r"no cell is named .?\+zone.*Wrap a cell with \+zoneout:RATE",
    TRAIN + "--cell lstm+zoneout:2": "a mask got rate=2",
    TRAIN + "--cell missing.py:mine": "cannot read cells from missing.py",
    TRAIN + "--cell cells.py:mine": "has no cell 'mine'; its functions under @cell are: loops",
    TRAIN + "--cell cells.py": "Say which cell of the file you mean",
    TRAIN + "--cell cells.py:loops": "(?s)cell loops: .*cells.py:7",
    TRAIN + "--cell cells.py:returns_too_much": "(?s)cell returns_too_much: .*cells.py:14",
    TRAIN + "--cell book.txt:mine": "cannot read cells from book.txt",
    TRAIN + "--cell mut1": "mut1 needs H = X, got .*mut1_projected",
    TRAIN + "--cell lstm_projected": "--projection-size=0 cannot be; wanted the width R",
    TRAIN + "--hidden-size 65536 --num-layers 9": "Choose a smaller --hidden-size",
    TRAIN + "--validation 0": "validation=0.0 cannot be; wanted a share with 2 characters or more",
    TRAIN + "--test 0": "test=0.0 cannot be; wanted a share with 2 characters or more",
    TRAIN + "--validation nan": "validation=nan and test=0.05 are no shares of a text",
    TRAIN + "--validation 0.9 --test 0.2": "together they are below 1",
    TRAIN + "--device gpu": "cannot compute on 'gpu'",
    TRAIN + "--device meta": "cannot compute on 'meta'",
    TRAIN + "--tensorboard": "need the package tensorboard, which is not installed",
    TRAIN + "--out run": "run already holds .*Choose another folder, or resume the run",
    TRAIN + "--out book.txt": "book.txt could not be written: File exists",
    TRAIN + "--out book.txt/x": "could not be written: Not a directory",
    TRAIN + "--out /proc/x": "/proc/x could not be written",
    TRAIN + f"--out {'x' * 300}": "File name too long. Choose a shorter name for the run",
    "generate missing": "missing is not a run folder: it has no config.json",
    "generate folder": "folder is not a run folder",
    "generate book.txt": "book.txt is not a run folder",
    f"generate {'x' * 5000}": "File name too long",
    "generate damaged": "(?s)was changed after it was saved.*is whole",
    "generate newer": "has format 99, written by unrolled 9.9; .*Upgrade: pip install",
    "generate broken": "broken/config.json is no JSON object",
    "generate huge": "hidden_size=1099511627776 cannot be; wanted 65536 at most",
    "generate foreign": "(?s)not of this LanguageModel.*'readout.weight' is .*Build the model with",
    "generate run Qß": r"2 characters .*'Q' \(1 times\), 'ß' \(1 times\). Replace them",
    "generate run \udcff": "'.udcff'",
    "generate run --length 0": "length=0 cannot be; wanted 1 or more",
    "generate run --temperature -1": "temperature=-1.0 cannot be; wanted 0 or more",
    "generate run --top-k -1": "unrolled: --top-k=-1 cannot be",
    "generate run --top-p 0": "top-p=0.0 cannot be",
    "generate run --beam -1": r"beam=-1 cannot be; wanted 0 \(draw\) or more",
    "generate run --length-penalty -1": "--length-penalty=-1.0 cannot be; wanted none: char-lm has",
    "generate run --beam 999999": "beam=999999 cannot be; wanted 1 to 10000",
    "generate run --seed -1": "seed=-1 cannot be",
    "evaluate missing": "missing is not a run folder",
    "evaluate run missing.txt": "No text at missing.txt",
    "evaluate run latin.txt": "fits no character",
    "evaluate run other.txt": "are not among the .* of the alphabet: 'Ä'",
    "evaluate run one.txt --encoding x": "No text encoding is called x",
    "resume missing": "missing is not a run folder",
    "resume damaged": "(?s)was changed after it was saved.*is whole",
    "resume run --threads -1": "--threads=-1 cannot be; wanted 0 or more",
    "resume run --steps 0": "steps=0 cannot be; wanted more than 0",
    "resume run --minutes nan": "minutes=nan cannot be",
    "cell lstn": "Did you mean lstm?",
    "cell cells.py:loops": "(?s)cell loops: .*cells.py:7",
    "cell run": "no cell is named .?run",
    "data nothing": "No set is called nothing",
}
FLAGS = {  # what is said of a flag's value, beside the usage
    TRAIN + "--hidden-size 0": "hidden_size=0 cannot be; wanted more than 0",
    TRAIN + "--hidden-size 99999999": "hidden_size=99999999 cannot be; wanted 65536 at most",
    TRAIN + "--dropout 1.5": "dropout=1.5 cannot be; wanted 0 or more, below 1",
    TRAIN + "--dropout nan": "dropout=nan cannot be",
    TRAIN + "--learning-rate 0": "learning_rate=0.0 cannot be; wanted more than 0",
    TRAIN + "--steps 0": "steps=0 cannot be; wanted more than 0",
    TRAIN + "--seed -1": "seed=-1 cannot be; wanted a whole number from 0",
    TRAIN + f"--seed {MANY_NINES}": "cannot be; wanted a whole number from 0",
    TRAIN + "--threads 1000000": "threads=1000000 cannot be; wanted 1024 at most",
}


@pytest.fixture
def prepared(here, monkeypatch):
    """Everything that the commands above ask for."""
    for name, data in {
        "empty.txt": b"",
        "one.txt": b"aaaa",
        "nul.bin": b"abc\0def" * 50,
        "latin.txt": b"caf\xe9 " * 50,
        "tiny.txt": b"abcdefghi",
        "other.txt": "Ä".encode() * 9,
        "cells.py": UNTRACEABLE.encode(),
    }.items():
        (here / name).write_bytes(data)
    (here / "folder").mkdir()
    for name in ("damaged", "newer", "broken", "huge", "foreign"):
        shutil.copytree(here / "run", here / name)
    for file in (here / "damaged").rglob("0000*12/*.safetensors"):
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    record = json.loads((here / "run" / "config.json").read_text())
    rewrite(here / "newer", {**record, "format": 99, "version": "9.9"})
    record["config"]["settings"]["hidden_size"] = 9
    rewrite(here / "foreign", record)
    record["config"]["settings"]["hidden_size"] = 2**40
    rewrite(here / "huge", record)
    (here / "broken" / "config.json").write_text("{}}")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    return here


def rewrite(path, record):
    (path / "config.json").write_text(json.dumps(record))


def contents(folder):
    """Every file with its bytes, but for locks."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "run.lock"]
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: ascii(line.replace(TRAIN, "..."))[:60])
def test_a_mistake_gets_a_message_and_costs_nothing(line, prepared, unrolled):
    before = contents(prepared)
    code, out, err = unrolled(line)
    assert code == 2
    assert out == ""
    assert err.startswith("unrolled: ")
    assert "Traceback" not in err
    assert not [c for c in err if not c.isprintable() and c != "\n"]
    assert re.search(COMMANDS[line], err), err
    assert contents(prepared) == before


@pytest.mark.parametrize("line", FLAGS, ids=lambda line: line.removeprefix(TRAIN)[:30])
def test_a_value_that_cannot_be_is_named_and_costs_nothing(line, here, unrolled, capsys):
    before = contents(here)
    with pytest.raises(SystemExit) as ended:
        unrolled(line)
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert FLAGS[line] in re.sub(r"[\s│]+", " ", err)
    assert contents(here) == before


@pytest.mark.parametrize(
    "line",
    [
        "train char-lm book.txt --hidden-size many",
        "train char-lm book.txt --flag",
        "train char-lm book.txt more.txt",
        "train char-lm book.txt --optimizer adamant",
        "train char-lm book.txt --steps 1e3",
        "generate",
        "generate run --length",
        "resume",
        "evaluate run a b",
        "cell a b",
    ],
)
def test_what_no_flag_takes_ends_with_the_usage(line, here, unrolled, capsys):
    with pytest.raises(SystemExit) as ended:
        unrolled(line)
    assert ended.value.code == 2
    assert "help" in capsys.readouterr().err


def test_names_that_drive_a_terminal_are_escaped(here, unrolled):
    for line in ("generate \x1b[2Jrun", "train char-lm \x1b[2Jx", "cell \x1b[2J", "fly\x1b[2J"):
        code, _, err = unrolled(line)
        assert code == 2
        assert "\x1b" not in err
        assert "\\x1b[2J" in err


def test_a_text_with_escapes_in_its_name_is_measured_under_an_escaped_name(here, unrolled):
    shutil.copy("book.txt", "\x1b[2J.txt")
    code, out, _ = unrolled("evaluate run \x1b[2J.txt")
    assert (code, out.partition(" ")[0]) == (0, "\\x1b[2J.txt")


def test_a_folder_that_the_system_closes_to_us_is_told(here, unrolled, unprivileged):
    new = "train char-lm book.txt --out closed/x"
    for line in (new, "generate closed/run", "train char-lm closed/x", "evaluate run closed/x"):
        code, _, err = unrolled(line)
        assert code == 2
        assert "Permission denied" in err


@pytest.fixture
def unprivileged(here):
    """Root may read anywhere, so be somebody else for a while, and close a folder."""
    shutil.copytree(here / "run", here / "closed" / "run")
    (here / "closed").chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)
    (here / "closed").chmod(0o700)


def test_a_disk_that_is_full_at_the_start_is_told_at_once(here, unrolled):
    with no_file_above(3000):
        code, out, err = unrolled(TRAIN)
    assert (code, out) == (2, "")
    assert "could not be written: File too large. The file is larger than" in err
    assert "step 1" not in err


def test_training_that_diverges_says_so_and_keeps_a_checkpoint(here, unrolled):
    flags = "--optimizer sgd --learning-rate 3e38 --clip-norm 0 --warmup-steps 0"
    code, out, err = unrolled(TRAIN + flags)
    assert code == 2
    assert "unrolled: training diverged at step " in err
    assert "Try a smaller --learning-rate" in err
    code, out, _ = unrolled("generate new --length 5")
    assert (code, len(out)) == (0, 6)


def test_a_run_that_is_being_written_can_be_read_and_not_written(here, unrolled):
    with open_run(here / "run"):
        code, _, err = unrolled("resume run --steps 99")
        assert code == 2
        assert "is being written by process" in err
        assert unrolled("generate run --length 3")[0] == 0
