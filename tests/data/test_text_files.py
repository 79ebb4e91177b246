"""Which files a text has, how their bytes become characters, and what is refused."""

import codecs
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data import text_files
from unrolled.data.text_files import files_in, find_files, known_encoding, read_pieces
from unrolled.errors import (
    BinaryTextError,
    EmptyTextError,
    NotAFileError,
    TextEncodingError,
    TextNotFoundError,
    UnknownEncodingError,
    UnreadableTextError,
)


def _write(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def _read(*files, encoding="utf-8"):
    codec = encoding and known_encoding(encoding)
    pieces = list(read_pieces(files, codec))
    points = "".join(chr(point) for part, _ in pieces for point in part)
    data = b"".join(data for _, data in pieces)
    assert data == (points.encode("latin-1") if codec is None else points.encode())
    return points


@pytest.fixture
def file(tmp_path):
    return tmp_path / "text"


def test_a_folder_is_read_by_relative_path(tmp_path):
    _write(tmp_path, b="2", a__z="0", a__y__x="-1", B="1", c="3")
    found = [path.relative_to(tmp_path).as_posix() for path in files_in(tmp_path)]
    assert found == ["B", "a/y/x", "a/z", "b", "c"]


def test_hidden_files_and_links_that_lead_out_are_passed_over(tmp_path):
    _write(
        tmp_path, out="out", folder__kept="kept", folder__sub__kept="kept", **{"folder__.no": ""}
    )
    _write(tmp_path, **{"folder__.git__config": "no"})
    folder = tmp_path / "folder"
    (folder / "linked").symlink_to(tmp_path / "out")
    (folder / "inside").symlink_to(folder / "kept")
    (folder / "broken").symlink_to(tmp_path / "nowhere")
    (folder / "up").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "pipe")
    found = [path.relative_to(folder).as_posix() for path in files_in(folder)]
    assert found == ["inside", "kept", "sub/kept"]


def test_binary_files_in_a_folder_are_no_texts_but_they_are_bytes(tmp_path):
    _write(tmp_path, a="text", b=b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert [path.name for path in find_files(tmp_path, "utf-8-sig")] == ["a"]
    assert [path.name for path in find_files(tmp_path, None)] == ["a", "b"]


def test_a_folder_of_utf_16_holds_texts(tmp_path):
    _write(tmp_path, a="text".encode("utf-16"))
    assert [path.name for path in find_files(tmp_path, "utf-16")] == ["a"]


def test_files_are_joined_by_a_line_end_where_one_is_missing(tmp_path):
    _write(tmp_path, a="one", b="two\n", c="", d="three")
    files = [tmp_path / name for name in "abcd"]
    assert _read(*files) == "one\ntwo\nthree"
    assert _read(*files, encoding=None) == "one\ntwo\nthree"


def test_line_ends_of_two_characters_become_one_and_a_byte_order_mark_goes(tmp_path):
    _write(tmp_path, a=codecs.BOM_UTF8 + b"a\r\n", b=codecs.BOM_UTF8 + b"b\rb\r", c="\ufeff")
    assert _read(tmp_path / "a", tmp_path / "b", tmp_path / "c") == "a\nb\rb\r"
    assert _read(tmp_path / "a", encoding=None) == "\xef\xbb\xbfa\r\n"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"))
    | st.text("\r\na"),
    st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-16-be", "gb18030", "utf-7"]),
    st.integers(1, 7),
)
def test_blocks_of_any_size_give_the_same_text(tmp_path_factory, text, encoding, block):
    file = tmp_path_factory.getbasetemp() / "blocks"
    file.write_bytes(text.encode(encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_files, "BLOCK", block)
        assert _read(file, encoding=encoding) == text.replace("\r\n", "\n")


def test_bytes_are_read_as_they_are(file):
    content = bytes(range(256)) + codecs.BOM_UTF8
    file.write_bytes(content)
    assert _read(file, encoding=None) == content.decode("latin-1")


@pytest.mark.parametrize("block", [1, 2, 5, 1 << 20])
def test_a_byte_of_no_character_is_named_with_its_place(file, monkeypatch, block):
    monkeypatch.setattr(text_files, "BLOCK", block)
    file.write_bytes("né ".encode() + b"\xe9t\xe9")
    with pytest.raises(TextEncodingError, match=r"byte 4, 0xe9, fits no .* latin-1; .*--bytes"):
        _read(file)


@pytest.mark.parametrize("block", [1, 2, 5, 1 << 20])
def test_a_character_cut_off_at_the_end_is_named_with_its_place(file, monkeypatch, block):
    monkeypatch.setattr(text_files, "BLOCK", block)
    file.write_bytes("ab€".encode()[:-1])
    with pytest.raises(TextEncodingError, match="byte 2, 0xe2, fits no character"):
        _read(file)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_mark_of_another_encoding_is_what_the_message_guesses(file, encoding):
    file.write_bytes("text".encode(encoding))
    with pytest.raises(TextEncodingError, match=f"is no utf-8 text.* --encoding {encoding}; "):
        _read(file)


def test_surrogates_in_the_bytes_are_refused(file):
    file.write_bytes(b"a\xed\xa0\x80")
    with pytest.raises(TextEncodingError, match="byte 1, 0xed, fits no character"):
        _read(file)
    file.write_bytes(b"a+2AA-")
    with pytest.raises(TextEncodingError, match=r"lone surrogate '\\ud800'.* --encoding utf-8"):
        _read(file, encoding="utf-7")


@pytest.mark.parametrize("block", [1, 4, 1 << 20])
@pytest.mark.parametrize(
    ("content", "encoding", "offset"),
    [
        ("né\0b".encode(), "utf-8", 3),
        (codecs.BOM_UTF8 + b"ab\0c\0", "utf-8", 5),
        ("né\0b".encode("utf-16"), "utf-16", 6),
        ("né\0b".encode("latin-1"), "latin-1", 2),
    ],
)
def test_a_nul_is_named_with_its_place(file, monkeypatch, block, content, encoding, offset):
    monkeypatch.setattr(text_files, "BLOCK", block)
    file.write_bytes(content)
    with pytest.raises(BinaryTextError, match=f"holds a NUL at byte {offset}. .*--bytes"):
        _read(file, encoding=encoding)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("utf8x", "Did you mean utf8"),
        ("lattin-1", "Did you mean latin"),
        ("rot13", "called rot13. Common"),
        ("base64", "called base64."),
        ("undefined", "called undefined."),
        ("idna", "called idna."),
        ("", "No text encoding is called ."),
        ("a\0b", r"a\\x00b"),
        ("\x1b[2J", r"\\x1b\[2J"),
    ],
)
def test_names_of_no_text_encoding_are_refused(name, hint):
    with pytest.raises(UnknownEncodingError, match=hint):
        known_encoding(name)


def test_a_missing_text_brings_the_nearest_name(tmp_path):
    _write(tmp_path, **{"book.txt": "text"})
    with pytest.raises(TextNotFoundError, match=r"bok.txt. Did you mean book.txt\? Give a file"):
        find_files(tmp_path / "bok.txt", None)


@pytest.mark.parametrize("name", ["a\0b", "a\x1b[2J", "book.txt/inside", "no/where"])
def test_names_of_nothing_are_shown_escaped(tmp_path, name):
    _write(tmp_path, **{"book.txt": "text"})
    with pytest.raises(TextNotFoundError) as caught:
        find_files(tmp_path / name, None)
    assert str(caught.value).isprintable()


def test_what_the_system_refuses_is_passed_on(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UnreadableTextError, match="loop cannot be read: Too many levels"):
        find_files(tmp_path / "loop", None)
    with pytest.raises(UnreadableTextError, match=r"cannot be read: Is a directory\. Mend"):
        _read(tmp_path)
    with pytest.raises(UnreadableTextError, match="nowhere cannot be read: No such file"):
        files_in(tmp_path / "nowhere")


def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotAFileError, match="pipe is a pipe, and a text must be a file"):
        find_files(tmp_path / "pipe", None)
    with pytest.raises(NotAFileError, match="null is a device"):
        find_files(tmp_path / "../../../../../../../../dev/null", None)


def test_a_folder_without_texts_is_refused(tmp_path):
    _write(tmp_path, **{".hidden": "text", "binary": b"\0"})
    with pytest.raises(EmptyTextError, match="holds no text file. Give a text"):
        find_files(tmp_path, "utf-8-sig")


def test_code_points_come_as_integers(file):
    file.write_text("a€")
    points = next(read_pieces([file], "utf-8-sig"))[0]
    assert points.dtype == np.uint32
    assert points.tolist() == [97, 0x20AC]
