"""Archives: what is wanted is unpacked, and every trap refuses the whole."""

import contextlib
import gzip
import io
import tarfile

import numpy as np
import pytest

from unrolled.data import archive as archive_module
from unrolled.data.archive import unpack
from unrolled.errors import ArchiveError

WANTED = "top/texts/*.txt"


def _member(name, content=b"text", kind=tarfile.REGTYPE, link=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    member.size = len(content) if kind == tarfile.REGTYPE else 0
    return member, io.BytesIO(content)


def _pack(path, *members, form=tarfile.PAX_FORMAT):
    with tarfile.open(path, "w:gz", format=form) as tar:
        for member, content in (_member("top/texts/good.txt"), *members):
            tar.addfile(member, content)
    return path


def _refused(tmp_path, packed, match, wanted=WANTED):
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(ArchiveError, match=match) as caught:
        unpack(packed, wanted, folder)
    assert "packed.tar.gz was not unpacked" in str(caught.value)
    assert str(caught.value).isprintable()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "packed.tar.gz"]


@pytest.fixture
def packed(tmp_path):
    return tmp_path / "packed.tar.gz"


def test_the_wanted_files_are_unpacked_and_no_others(tmp_path, packed):
    _pack(
        packed,
        _member("top", kind=tarfile.DIRTYPE),
        _member("top/texts/other.txt", b"other"),
        _member("top/texts/deeper/no.txt"),
        _member("top/setup.py"),
    )
    (tmp_path / "out").mkdir()
    unpack(packed, WANTED, tmp_path / "out")
    found = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert found == {"top/texts/good.txt": b"text", "top/texts/other.txt": b"other"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "packed.tar.gz"]


@pytest.mark.parametrize(
    "name", ["/top/texts/a.txt", "../a.txt", "top/texts/../../../a.txt", "C:/a.txt", "..\\a.txt"]
)
def test_names_that_lead_out_are_refused(tmp_path, packed, name):
    _refused(tmp_path, _pack(packed, _member(name)), "leads out of its folder")


@pytest.mark.parametrize("name", ["top/texts/a\x1b[2J.txt", "top/texts/a\udcff.txt", "a\nb"])
def test_names_that_cannot_be_shown_are_refused(tmp_path, packed, name):
    _refused(tmp_path, _pack(packed, _member(name)), "is no name for a file")


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"9"],
)
def test_links_and_devices_are_refused(tmp_path, packed, kind):
    member = _member("top/texts/a.txt", kind=kind, link="/etc/passwd")
    _refused(tmp_path, _pack(packed, member), "'top/texts/a.txt' is a link, a device or the like")


def test_sparse_files_are_refused(tmp_path, packed):
    member, content = _member("top/texts/a.txt", b"1\n0\n0\n" + bytes(506))
    member.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "top/texts/a.txt",
        "GNU.sparse.realsize": str(1 << 60),
    }
    _refused(tmp_path, _pack(packed, (member, content)), "is a link, a device or the like")


@pytest.mark.parametrize(
    "name", ["top/texts/good.txt", "top/TEXTS/Good.txt", "./top/texts/good.txt"]
)
def test_names_that_some_disks_take_as_one_are_refused(tmp_path, packed, name):
    _refused(tmp_path, _pack(packed, _member(name)), "comes twice")


def test_a_file_below_a_file_is_refused(tmp_path, packed):
    members = [_member("top/texts/good.txt/a.txt"), _member("top/texts/b.txt")]
    _refused(tmp_path, _pack(packed, *members), "it is damaged", wanted="*.txt")


def test_a_million_members_are_not_looked_at(tmp_path, packed, monkeypatch):
    monkeypatch.setattr(archive_module, "MOST_MEMBERS", 9)
    members = [_member(f"top/{number}") for number in range(9)]
    _refused(tmp_path, _pack(packed, *members), "it has over 9 members")


def test_what_unpacks_to_a_hundred_times_its_size_is_refused(tmp_path, packed):
    _pack(packed, _member("top/texts/zeros.txt", bytes(5_000_000)))
    assert packed.stat().st_size * 100 < 5_000_000
    _refused(tmp_path, packed, "over 100 times its size")


def test_what_unpacks_to_more_than_the_limit_is_refused(tmp_path, packed, monkeypatch):
    monkeypatch.setattr(archive_module, "MOST_BYTES", 20_000)
    content = np.random.default_rng(0).bytes(20_000)
    _refused(tmp_path, _pack(packed, _member("top/texts/a.txt", content)), "or over 20000 B")


def test_an_archive_without_the_wanted_is_refused(tmp_path, packed):
    with tarfile.open(packed, "w:gz") as tar:
        tar.addfile(*_member("top/other.txt"))
    _refused(tmp_path, packed, r"it has no top/texts/\*\.txt\. Nothing of it was kept")


NO_ARCHIVES = {
    "empty": b"",
    "text": b"no archive",
    "gzip of no tar": gzip.compress(b"no tar", mtime=0),
}


@pytest.mark.parametrize("content", NO_ARCHIVES.values(), ids=NO_ARCHIVES.keys())
def test_what_is_no_archive_is_refused(tmp_path, packed, content):
    packed.write_bytes(content)
    _refused(tmp_path, packed, "it is damaged|it has no")


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_damaged_archives_are_refused_or_read(tmp_path, packed, form):
    long_name = "top/texts/" + "long" * 40 + "é.txt"
    _pack(packed, _member(long_name), _member("top/other"), form=form)
    whole = gzip.decompress(packed.read_bytes())
    random = np.random.default_rng(0)
    read = 0
    for attempt in range(150):
        content = bytearray(whole)
        for place in random.integers(0, len(whole), 3):
            content[place] = random.integers(256)
        if attempt % 3 == 0:
            del content[random.integers(len(content)) :]
        folder = tmp_path / str(attempt)
        folder.mkdir()
        packed.write_bytes(gzip.compress(bytes(content), 1))
        with contextlib.suppress(ArchiveError):
            unpack(packed, "*.txt", folder)
            read += 1
    assert 0 < read < 130
    assert {path.name for path in tmp_path.iterdir()} == {*map(str, range(150)), packed.name}
