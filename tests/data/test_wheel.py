"""Wheels: what is wanted is unpacked, and every trap refuses the whole."""

import contextlib
import stat
import zipfile

import numpy as np
import pytest

from unrolled.data import archive as archive_module
from unrolled.data.archive import unpack
from unrolled.errors import ArchiveError

GOOD = ("package/model/good.txt", b"text")


@pytest.fixture
def packed(tmp_path):
    return tmp_path / "packed-1.0-py3-none-any.whl"


def pack(path, *members, how=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", how) as wheel:
        for name, content in (GOOD, *members):
            wheel.writestr(name, content)
    return path


def linked(kind):
    """A member that a Unix system took for something else than a file."""
    member = zipfile.ZipInfo("package/model/link.txt")
    member.external_attr = (kind | 0o644) << 16
    return member, b"/etc/passwd"


def assert_refused(tmp_path, packed, match):
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(ArchiveError, match=match) as caught:
        unpack(packed, "package/model/*", folder)
    assert "packed-1.0-py3-none-any.whl was not unpacked" in str(caught.value)
    assert str(caught.value).isprintable()
    assert list(folder.iterdir()) == []
    assert sorted(tmp_path.iterdir()) == [folder, packed]


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_wanted_files_are_unpacked_and_no_others(tmp_path, packed, how):
    large = np.random.default_rng(0).bytes(3_000_001)
    pack(
        packed, ("package/model/é.bin", large), ("package/__init__.py", "1 / 0"),
        ("package/a/", ""), ("package/model/deeper/no.txt", "no"), ("package/model/empty", b""),
        how=how,
    )  # fmt: skip
    (tmp_path / "out").mkdir()
    unpack(packed, "package/model/*", tmp_path / "out")
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    files["empty"] = (tmp_path / "out" / "package" / "model" / "empty").read_bytes()
    assert files == {"good.txt": b"text", "é.bin": large, "empty": b""}


@pytest.mark.parametrize(
    "name", ["/package/a.txt", "../a.txt", "package/../../a.txt", "C:/a.txt", "..\\a.txt"]
)
def test_names_that_lead_out_are_refused(tmp_path, packed, name):
    assert_refused(tmp_path, pack(packed, (name, "text")), "leads out of its folder")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path, packed, kind):
    refusal = "'package/model/link.txt' is a link, a device or the like"
    assert_refused(tmp_path, pack(packed, linked(kind)), refusal)


def test_names_that_some_disks_take_as_one_are_refused(tmp_path, packed):
    assert_refused(tmp_path, pack(packed, ("package/MODEL/Good.txt", "text")), "comes twice")


def test_what_is_packed_otherwise_is_refused(tmp_path, packed):
    pack(packed, how=zipfile.ZIP_LZMA)
    assert_refused(tmp_path, packed, "is encrypted, or packed otherwise than wheels are")


def test_what_is_encrypted_is_refused(tmp_path, packed):
    content = bytearray(pack(packed).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    packed.write_bytes(content)
    assert_refused(tmp_path, packed, "is encrypted, or packed otherwise than wheels are")


def test_what_unpacks_to_a_hundred_times_its_size_is_refused(tmp_path, packed):
    pack(packed, ("package/model/zeros", bytes(5_000_000)))
    assert_refused(tmp_path, packed, "over 100 times its size")


def test_too_many_members_and_too_many_bytes_are_refused(tmp_path, packed, monkeypatch):
    monkeypatch.setattr(archive_module, "MOST_MEMBERS", 9)
    pack(packed, *((f"package/{number}", "") for number in range(9)))
    assert_refused(tmp_path, packed, "it has over 9 members")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)], ids=repr)
def test_what_is_no_wheel_is_refused(tmp_path, packed, content):
    packed.write_bytes(content)
    assert_refused(tmp_path, packed, r"it is damaged|it has no package/model/\*")


def test_damaged_wheels_are_refused_or_read(tmp_path, packed):
    pack(packed, ("package/model/other", "more text, " * 20), ("package/x", "y"))
    whole = packed.read_bytes()
    draws = np.random.default_rng(0)
    read = 0
    for attempt in range(300):
        content = bytearray(whole)
        for place in draws.integers(0, len(whole), 2):
            content[place] = draws.integers(256)
        if attempt % 3 == 0:
            del content[draws.integers(len(content)) :]
        (folder := tmp_path / str(attempt)).mkdir()
        packed.write_bytes(content)
        with contextlib.suppress(ArchiveError):
            unpack(packed, "package/model/*", folder)
            read += 1
    assert 0 < read < 250
    assert {path.name for path in tmp_path.iterdir()} == {*map(str, range(300)), packed.name}
