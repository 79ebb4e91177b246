"""Every format in which public sets come, as its publisher writes it."""

import json

import pytest

from unrolled.data.examples.columns import read_columns
from unrolled.data.examples.kinds import Labelled, Pair, Tagged
from unrolled.data.examples.labelled import read_labelled
from unrolled.data.examples.paired import read_pairs
from unrolled.data.examples.parts import find_parts, part_of
from unrolled.data.examples.tagged import TagColumns, read_tagged
from unrolled.errors import (
    ColumnError,
    EmptyTextError,
    LanguageError,
    RowError,
    TextEncodingError,
    UnequalLinesError,
)

CSV = 'id,Text,Label\n1,"good, really\n""good""",pos\n\n2,bad,neg\n'
ROWS = [Labelled('good, really\n"good"', "pos"), Labelled("bad", "neg")]
CONLL = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O

Peter NNP B-NP B-PER
"""
CONLL_U = """# text = I'm in
1-2\tI'm\t_\t_\t_\t_\t_\t_\t_\t_
1\tI\tI\tPRON\tPRP\t_\t3\tnsubj\t_\t_
2\t'm\tbe\tAUX\tVBP\t_\t3\tcop\t_\t_
2.1\t#\t_\tX\t_\t_\t_\t_\t_\t_
3\tin\tin\tADV\tRB\t_\t0\troot\t_\t_

"""


def write(folder, **texts):
    for name, text in texts.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", CSV),
        ("a.CSV", "\ufeff" + CSV.replace("\n", "\r\n").replace("really\r\n", "really\n")),
        ("a.csv", CSV.replace(",", ";").replace("good;", "good,").replace("id;Text", "id ;Text")),
        ("a.tsv", CSV.replace(",", "\t").replace("good\t", "good,")),
        ("a.jsonl", "\n".join(json.dumps({"text": t, "label": x}) for t, x in ROWS)),
        ("a.json", json.dumps([{"label": x, "text": t, "id": 3} for t, x in ROWS])),
    ],
)
def test_named_columns_are_read(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert list(read_labelled([tmp_path / name])) == ROWS


def test_columns_are_named_by_the_user_and_numbers_become_text(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"stars": 5, "said": "fine", "text": "no"}\n')
    found = read_labelled([tmp_path / "a.jsonl"], text_column="said")
    assert list(found) == [Labelled("fine", "5")]


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.csv", "text,label\na,b\nc\n", r"line 3 has 1 fields, but the first line names 2\."),
        ("a.csv", 'text,label\n"a,b\n', r"line 2 is no CSV: unexpected end of data"),
        ("a.json", "{}", "line 1 begins no list of objects"),
        ("a.json", "[1]", "line 1 is no object"),
        ("a.json", "[" * 100_000, "line 1 is no JSON"),
        ("a.jsonl", '{"text": "a", "label": 1}\n\n{"text"', "line 3 is no JSON"),
        ("a.jsonl", '{"text": "a", "label": null}', "line 1 has no text or number under 'label'"),
    ],
)
def test_a_row_that_is_not_as_its_format_has_it_is_named(tmp_path, name, text, complaint):
    (tmp_path / name).write_text(text)
    with pytest.raises(RowError, match=rf"{name}, {complaint}"):
        list(read_labelled([tmp_path / name]))


def test_a_column_that_is_not_there_is_named_beside_those_that_are(tmp_path):
    (tmp_path / "a.csv").write_text("text,lable\n")
    match = (
        r"no column 'label' or 'x'\. Did you mean lable\? Its columns: text, lable\. Name .* --x"
    )
    with pytest.raises(ColumnError, match=match):
        list(read_columns(tmp_path / "a.csv", {"--x": ["label", "x"]}, "utf-8"))
    with pytest.raises(ColumnError, match=r"Its columns: text, lable\. .* with --label-column\."):
        list(read_labelled([tmp_path / "a.csv"]))
    with pytest.raises(ColumnError, match=r"Its columns: text, lable\. .* with --source\."):
        list(read_pairs([tmp_path / "a.csv"]))
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(EmptyTextError, match=r"a\.csv has no first line that names its columns\."):
        list(read_labelled([tmp_path / "a.csv"]))


def test_the_folders_of_the_film_reviews_are_labels(tmp_path):
    write(
        tmp_path, train__pos__0_9_dot_txt="Great<br />film", train__neg__1_2_dot_txt="Bad",
        train__unsup__0_dot_txt="Who knows", test__neg__0_dot_txt="Worse", README="about",
    )  # fmt: skip
    parts = find_parts(tmp_path, "utf-8")
    assert list(read_labelled(parts["train"])) == [
        Labelled("Bad", "neg"), Labelled("Great<br />film", "pos"),
    ]  # fmt: skip
    assert list(read_labelled(parts["test"])) == [Labelled("Worse", "neg")]
    assert parts["validation"] == []


def test_trees_of_sentiment_are_read_as_sentences(tmp_path):
    text = "(3 (2 It) (4 (2 -LRB-) (2 1\\/2)))\n(0 (1 no) (2 .))\n\n"
    files = write(tmp_path, train_dot_txt=text)
    assert list(read_labelled(files)) == [Labelled("It ( 1/2", "3"), Labelled("no .", "0")]
    for broken in ("(3 (2 It)", "(3)", "(2 a) b)"):
        with pytest.raises(RowError, match=r"line 2 is no tree, as \(3 \(2 It\)"):
            list(read_labelled(write(tmp_path, train_dot_txt=f"{text[:9]})\n{broken}\n")))


def test_words_and_tags_stand_with_a_stroke_between_them(tmp_path):
    files = write(tmp_path, ca01="\n\n\tThe/at 1/2/cd ``/`` ,/,\n\n\tAn/at end/nn ./.\n")
    assert list(read_tagged(files)) == [
        Tagged(("The", "1/2", "``", ","), ("at", "cd", "``", ",")),
        Tagged(("An", "end", "."), ("at", "nn", ".")),
    ]
    with pytest.raises(RowError, match=r"line 2 has 'word/' where a word/TAG is wanted"):
        list(read_tagged(write(tmp_path, ca01="a/b\nword/ a/b\n")))


def test_columns_of_conll_are_read(tmp_path):
    files = write(tmp_path, train=CONLL)
    words = [("EU", "rejects"), ("Peter",)]
    by_tag = {-1: [("B-ORG", "O"), ("B-PER",)], 1: [("NNP", "VBZ"), ("NNP",)]}
    for column, tags in by_tag.items():
        columns = None if column == -1 else TagColumns(0, column)
        found = list(read_tagged(files, columns=columns))
        assert found == [Tagged(*pair) for pair in zip(words, tags, strict=True)]


def test_of_universal_dependencies_only_words_count(tmp_path):
    files = write(tmp_path, en_dot_conllu=CONLL_U)
    assert list(read_tagged(files)) == [Tagged(("I", "'m", "in"), ("PRON", "AUX", "ADV"))]
    (xpos,) = read_tagged(files, columns=TagColumns(1, 4))
    assert xpos.tags == ("PRP", "VBP", "RB")


@pytest.mark.parametrize(
    ("text", "columns", "complaint"),
    [
        ("a b\nc\n", None, "line 2 has not 2 columns like those before, but 1"),
        ("a\nb\n", None, "line 1 is too narrow for columns 0 and -1, .*: its width is 1"),
        ("a b\n", TagColumns(0, 5), "line 1 is too narrow for columns 0 and 5, .*: its width is 2"),
    ],
)
def test_ragged_columns_are_refused(tmp_path, text, columns, complaint):
    with pytest.raises(RowError, match=complaint):
        list(read_tagged(write(tmp_path, a=text), columns=columns))


def test_pairs_stand_between_tabs_and_what_follows_is_passed_over(tmp_path):
    files = write(tmp_path, deu_dot_txt="Hi.\tHallo!\tCC-BY 2.0\r\nGo.\tGeh.\tCC\n\n")
    assert list(read_pairs(files)) == [Pair("Hi.", "Hallo!"), Pair("Go.", "Geh.")]
    with pytest.raises(RowError, match="line 2 has no tab between two sentences"):
        list(read_pairs(write(tmp_path, deu_dot_txt="a\tb\nc d\n")))


def test_parallel_files_belong_together_line_by_line(tmp_path):
    write(
        tmp_path, train_dot_en="a\nb\n", train_dot_de="A\r\nB\r\n", val_dot_en="c\n",
        val_dot_de="C\n", test_2016_flickr_dot_en="d", test_2016_flickr_dot_de="D",
    )  # fmt: skip
    parts = find_parts(tmp_path, "utf-8")
    read = {
        name: list(read_pairs(files, source="de", target="en")) for name, files in parts.items()
    }
    assert read == {
        "train": [Pair("A", "a"), Pair("B", "b")],
        "validation": [Pair("C", "c")],
        "test": [Pair("D", "d")],
    }
    with pytest.raises(
        LanguageError, match=r"train there is no file in .* fr\. There are: de, en\."
    ):
        list(read_pairs(parts["train"], source="fr", target="en"))
    with pytest.raises(LanguageError, match=r"train are parallel files, .*: de, en\. Name two of"):
        list(read_pairs(parts["train"]))
    (tmp_path / "train.de").write_text("A\n")
    with pytest.raises(UnequalLinesError, match=r"train\.en has 2 lines, but .*train\.de has 1:"):
        list(read_pairs(parts["train"], source="en", target="de"))


def test_pairs_are_read_from_named_columns(tmp_path):
    files = write(tmp_path, a_dot_csv="en,de\nhi,hallo\n")
    assert list(read_pairs(files, source="de", target="en")) == [Pair("hallo", "hi")]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "pos/a.txt"])
def test_a_file_of_another_encoding_is_said_to_be_one(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes('text,label\n"é",1\n'.encode("latin-1"))
    with pytest.raises(TextEncodingError, match="0xe9"):
        list(read_labelled([path]))


@pytest.mark.parametrize(
    ("name", "part"),
    [("train.txt", "train"), ("eng.testa", "validation"), ("eng.testb", "test"),
     ("dev", "validation"), ("en_ewt-ud-dev.conllu", "validation"),
     ("test_2016_flickr.en", "test"), ("restrained", None)],
)  # fmt: skip
def test_names_speak_of_parts(name, part):
    assert part_of(name) == part


def test_without_a_part_called_train_all_files_are_to_train_on(tmp_path):
    files = write(tmp_path, a_dot_tsv="a\tb", b_dot_tsv="c\td")
    assert find_parts(tmp_path, "utf-8") == {"train": files, "validation": [], "test": []}
    assert find_parts(files[0], "utf-8")["train"] == files[:1]
