"""Pairs of the help's pages, in the publisher's form."""

import pytest

from unrolled.data.examples.paired import read_pairs
from unrolled.data.examples.parallel_help import FOLDER, align, read_page, write_pairs

PAGE = """\
<!DOCTYPE html>
<html lang="{language}" dir="ltr">
<head><title>Title</title><script type="text/javascript" src="help.js"></script></head>
<body>
<header id="TopLeftHeader"><a class="logo" href="x.html"><p dir="auto">LibreOffice Help</p></a>
</header><div id="DisplayArea" itemprop="softwareHelp">
<meta itemprop="keywords" content="keys">
{paragraphs}
</div>
<footer><div id="DEBUG" class="debug"><h3 class="bug">Help content debug info:</h3>
<p dir="auto">Title is: Title</p><p id="bm_module" dir="auto"></p></div></footer>
</body></html>
"""
WORDINGS = """<p id="par_id1" class="paragraph" dir="auto">Press \
<span id="swlnsys_1" class="switchinline"><span hidden="true" id="MAC_1" class="MAC">\
<span class="keycode">Command</span></span><span hidden="true" id="default_1">\
<span class="keycode">Ctrl</span></span></span>+A, <span class="emph">then</span> B.</p>"""
NESTED = """<p id="par_id1" dir="auto">The \
<span id="a" class="switchinline"><span hidden="true" class="WRITER">text in \
<span id="b" class="switchinline"><span hidden="true" class="MAC">one</span>\
<span hidden="true">other</span></span> words</span>\
<span hidden="true" class="CALC">sheet on \
<span id="c" class="switchinline"><span hidden="true" class="MAC">a Mac</span>\
<span hidden="true">any system</span></span> is</span></span> read.</p>"""


@pytest.fixture
def write(tmp_path):
    """Writes a page of a language: its folder and name, and paragraphs by ids or as they are."""

    def write(language, name, paragraphs):
        page = tmp_path / language / FOLDER / language / name
        page.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(paragraphs, str):
            lines = [
                f'<p id="{name}" class="paragraph" dir="auto">{text}</p>'
                for name, text in paragraphs.items()
            ]
            paragraphs = "\n".join(lines)
        page.write_text(PAGE.format(language=language, paragraphs=paragraphs), encoding="utf-8")
        return page

    return write


@pytest.fixture
def aligned(tmp_path):
    def pairs(language):
        return align(
            tmp_path / "en-US" / FOLDER / "en-US", tmp_path / language / FOLDER / language, language
        )

    return pairs


def test_headings_and_paragraphs_with_ids_are_read_and_nothing_else(write):
    paragraphs = """<h1 id="hd_id1" dir="auto">
<a name="anchor"></a>Heading</h1>
<td rowspan="" colspan="" dir="auto"><p id="par_id2" class="tablecontentintable">Cell</p></td>
<div class="embedded"><p class="embedded" dir="auto">Others' text</p></div>
<div class="bascode"><pre dir="auto"><code>Dim a As Integer</code></pre></div>
<p id="par_id3" dir="auto"><img src="a.png" alt="an image"></p>"""
    assert read_page(write("en-US", "a.html", paragraphs)) == {
        "hd_id1": "Heading",
        "par_id2": "Cell",
    }


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<span class="avis">Choose</span> <a href="b.html">File - <b>Save</b></a>.', "Save."),
        ("&lt;B&gt; &amp; caf&eacute; &#8211; &#x2026;", "<B> & café – …"),
        (" one\n\t two&nbsp;three\u2028four<br>five<br/>six ", "one two three four five six"),
        ('10<sup>2</sup> <img src="a.png" alt="Icon"> mm', "102 mm"),
        ("a < b &c; <!-- unseen --> d", "a < b &c; d"),
    ],
)
def test_text_is_plain(write, markup, text):
    read = read_page(write("en-US", "a.html", {"par_id1": markup}))
    assert read["par_id1"].removeprefix("Choose File - ") == text


def test_of_wordings_for_several_systems_the_last_is_read(write):
    assert read_page(write("en-US", "a.html", WORDINGS)) == {"par_id1": "Press Ctrl+A, then B."}
    nested = {"par_id1": "The sheet on any system is read."}
    assert read_page(write("en-US", "a.html", NESTED)) == nested


def test_of_a_paragraph_that_comes_twice_the_first_is_read(write):
    paragraphs = '<p id="par_id1">first</p><p id="par_id1">second</p>'
    assert read_page(write("en-US", "a.html", paragraphs)) == {"par_id1": "first"}


def test_pairs_have_the_same_page_and_paragraph_in_a_fixed_order(write, aligned):
    write("en-US", "text/b.html", {"par_id1": "Four", "par_id3": "Only here"})
    write("en-US", "text/a.html", {"par_id2": "Two", "par_id1": "One", "par_id4": "Two"})
    write("en-US", "text/only/here.html", {"par_id1": "Five"})
    write("de", "text/a.html", {"par_id1": "Eins", "par_id4": "Zwei", "par_id2": "Zwei"})
    write("de", "text/b.html", {"par_id1": "Vier", "par_id5": "Nur hier"})
    write("de", "text/other.html", {"par_id1": "Anderes"})
    assert aligned("de") == [("Two", "Zwei"), ("One", "Eins"), ("Four", "Vier")]


def test_what_is_still_english_is_left_out(write, aligned):
    texts = {"par_id1": "Choose File.", "par_id2": "Text", "par_id3": "Hangul 한글"}
    write("en-US", "a.html", texts)
    write(
        "ko", "a.html", {"par_id1": "Choose files.", "par_id2": "텍스트", "par_id3": "Hangul 한글"}
    )
    write("fr", "a.html", {"par_id1": "Choisissez Fichier.", "par_id2": "Text"})
    assert aligned("ko") == [("Text", "텍스트")]
    assert aligned("fr") == [("Choose File.", "Choisissez Fichier.")]


def test_what_is_written_is_read_as_pairs(tmp_path, write, aligned):
    write("en-US", "text/a.html", {"par_id1": "One\ttab<br>and\nlines", "par_id2": "Two\r\n"})
    write("ko", "text/a.html", {"par_id1": "탭\t하나\x0b와\u0085줄", "par_id2": "둘"})
    write_pairs(tmp_path / "en-US", tmp_path / "ko", "ko", tmp_path)
    pairs = [*read_pairs([tmp_path / "pairs.tsv"])]
    assert pairs == [("One tab and lines", "탭 하나 와 줄"), ("Two", "둘")]
