"""Pairs of LibreOffice's help: each paragraph in English, beside the same in another language.

A page has the same file and a paragraph the same id in all languages; what nobody has translated
stands there in English.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from unrolled.data.examples.kinds import Pair

ALIGNER = 1  # counts up when other pairs come of the same pages
FOLDER = Path("usr", "share", "libreoffice", "help")
_PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6"}
_WRITTEN = {"ko": re.compile("[가-힣]")}  # what is in any translation; else: other than English

Attributes = list[tuple[str, str | None]]


def write_pairs(english: Path, other: Path, language: str, folder: Path) -> None:
    """Write pairs.tsv, a pair a line: source, tab, target.

    Args:
        english: The unpacked package of the help in English.
        other: That of the other language.
        language: The language: the name of its folder.
        folder: Where to write.
    """
    pairs = align(english / FOLDER / "en-US", other / FOLDER / language, language)
    lines = (f"{source}\t{target}\n" for source, target in pairs)
    (folder / "pairs.tsv").write_text("".join(lines), encoding="utf-8")


def align(english: Path, other: Path, language: str) -> list[Pair]:
    """The paragraphs that are in both folders and that are translated, each pair once.

    Args:
        english: A folder of pages.
        other: The same pages in another language.
        language: Which it is.
    """
    translated = _WRITTEN.get(language, re.compile(""))
    found: dict[Pair, None] = {}
    for page in sorted(english.rglob("*.html")):
        sources, targets = read_page(page), read_page(other / page.relative_to(english))
        pairs = (Pair(sources[name], targets[name]) for name in sources if name in targets)
        for pair in pairs:
            if pair.source != pair.target and translated.search(pair.target):
                found[pair] = None
    return list(found)


def read_page(page: Path) -> dict[str, str]:
    """The plain text of each paragraph that has an id and is not empty; none if there is no page.

    Where a paragraph has one wording for each system or program, the last is taken: it is the one
    for all that are not named.
    """
    if not page.is_file():
        return {}
    reader = _Page()
    reader.feed(page.read_text("utf-8"))
    reader.close()
    return dict(reader.paragraphs())


class _Page(HTMLParser):
    """Collects the text of paragraphs; of one that comes twice, the first."""

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, list[str]] = {}
        self._pieces: list[str] = []  # of the paragraph that is read
        self._wordings: list[int] = []  # of each open span: at which piece its wordings begin

    def paragraphs(self) -> Iterator[tuple[str, str]]:
        for name, pieces in self._found.items():
            text = " ".join("".join(pieces).split())
            if text:
                yield name, text

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        given = dict(attrs)
        if tag in _PARAGRAPHS:
            self._pieces = []
            if name := given.get("id"):
                self._found.setdefault(name, self._pieces)
        elif tag == "span":
            self._open_span(given)
        elif tag == "br":
            self._pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._pieces = []
        elif tag == "span" and self._wordings:
            self._wordings.pop()

    def handle_data(self, data: str) -> None:
        self._pieces.append(data)

    def _open_span(self, given: dict[str, str | None]) -> None:
        here = len(self._pieces)
        begin = self._wordings[-1] if self._wordings else here
        if "hidden" in given:
            del self._pieces[begin:]
        self._wordings.append(here if given.get("class") == "switchinline" else begin)
