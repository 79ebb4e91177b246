"""Packages of Debian's kind: the data alone is unpacked, and every trap refuses the whole."""

import contextlib
import lzma
import tarfile

import numpy as np
import pytest
from tests.data.made_deb import ar_member, made_deb, packed_tar, plain_deb

from unrolled.data import archive as archive_module
from unrolled.data import deb as deb_module
from unrolled.data.archive import unpack
from unrolled.errors import ArchiveError

GOOD = ("./usr/share/texts/good.txt", "text")
CONTROL = [("./control", "Package: some-texts\n"), ("./postinst", "#!/bin/sh\n")]
DATA = packed_tar(GOOD)


@pytest.fixture
def packed(tmp_path):
    return tmp_path / "packed_1.0_all.deb"


@pytest.fixture
def refused(tmp_path, packed):
    """Tells that some bytes are refused, and for what, and that nothing of them is left."""

    def refuse(content, match):
        packed.write_bytes(content)
        (tmp_path / "out").mkdir()
        with pytest.raises(ArchiveError, match=match) as caught:
            unpack(packed, "*.txt", tmp_path / "out")
        assert str(caught.value).startswith("packed_1.0_all.deb was not unpacked: ")
        assert str(caught.value).isprintable()
        assert sorted(tmp_path.iterdir()) == [tmp_path / "out", packed]
        assert list((tmp_path / "out").iterdir()) == []

    return refuse


def _link(kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo("./usr/share/texts/link.txt")
    member.type, member.linkname = kind, "/etc/passwd"
    return member, b""


def test_the_wanted_of_the_data_is_unpacked_and_no_others(tmp_path, packed):
    folder = tarfile.TarInfo("./")
    folder.type = tarfile.DIRTYPE
    data = [(folder, b""), GOOD, ("./usr/share/doc/some-texts/copyright", "MPL")]
    packed.write_bytes(plain_deb([*CONTROL, ("./control.txt", "")], data))
    (tmp_path / "out").mkdir()
    unpack(packed, "*.txt", tmp_path / "out")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert files == [tmp_path / "out" / "usr" / "share" / "texts" / "good.txt"]
    assert files[0].read_text() == "text"


@pytest.mark.parametrize(
    "member",
    [("../a.txt", ""), ("/etc/a.txt", ""), ("./usr/../../a.txt", "")],
    ids=lambda member: member[0],
)
def test_names_that_lead_out_are_refused(refused, member):
    refused(plain_deb(CONTROL, [GOOD, member]), "leads out of its folder")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(refused, kind):
    refused(plain_deb(CONTROL, [GOOD, _link(kind)]), "is a link, a device or the like")


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([], r"\[\]"),
        (["data.tar.zst"], r"\['data\.tar\.zst'\]"),
        (["data.tar.gz"], r"\['data\.tar\.gz'\]"),
        (["data.tar"], r"\['data\.tar'\]"),
        (["data.tar.xz", "data.tar.xz"], r"\['data\.tar\.xz', 'data\.tar\.xz'\]"),
        (["data.tar.xz", "data.tar.\x1b"], r"\['data\.tar\.xz', 'data\.tar\.\\x1b'\]"),
    ],
)
def test_another_number_or_kind_of_data_is_refused(refused, names, shown):
    members = [ar_member(name, DATA) for name in names]
    refused(made_deb(*members), rf"its data is {shown}, where \['data\.tar\.xz'\] is wanted")


@pytest.mark.parametrize(
    "lie",
    [
        {"size": len(DATA) + 3},
        {"size": 9_999_999_999},
        {"size": -60},
        {"size": ""},
        {"size": "0x20"},
        {"size": "1_0"},
        {"mark": b"\n\n"},
    ],
    ids=str,
)
def test_headers_that_lie_are_refused(refused, lie):
    damaged = r"it is damaged \(no member of an ar archive begins at byte 72\)"
    refused(made_deb(ar_member("data.tar.xz", DATA, **lie)), damaged)


def test_a_size_that_is_too_small_is_refused(refused):
    member = ar_member("data.tar.xz", DATA, size=len(DATA) - 4)
    refused(made_deb(member), "it is damaged")


@pytest.mark.parametrize("end", [-2, -len(DATA), -len(DATA) - 20])
def test_what_is_cut_off_is_refused(refused, end):
    refused(made_deb(ar_member("data.tar.xz", DATA))[:end], "it is damaged")


@pytest.mark.parametrize("data", [DATA[:-8], DATA[:40], b"", DATA + b"more", DATA + DATA], ids=len)
def test_data_that_does_not_end_where_it_should_is_refused(refused, data):
    refused(made_deb(ar_member("data.tar.xz", data)), r"its data\.tar\.xz does not end where")


def test_data_of_another_form_is_refused(refused):
    alone = lzma.compress(b"text", lzma.FORMAT_ALONE)
    refused(made_deb(ar_member("data.tar.xz", alone)), r"it is damaged \(Input format not")


@pytest.mark.parametrize("content", [b"", b"no archive", b"!<arch>", DATA])
def test_what_is_no_ar_archive_is_refused(refused, content):
    refused(content, r"it is no ar archive, as a \.deb is")


def test_what_unpacks_to_a_hundred_times_its_size_is_refused(refused):
    zeros = plain_deb(CONTROL, [GOOD, ("./zeros.txt", "0" * 5_000_000)])
    assert len(zeros) * 100 < 5_000_000
    refused(zeros, "over 100 times its size")


def test_what_unpacks_to_more_than_the_limit_is_refused(refused, monkeypatch):
    monkeypatch.setattr(archive_module, "MOST_BYTES", 5_000)
    refused(plain_deb(CONTROL, [GOOD]), "or over 5000 B")


def test_no_more_is_unpacked_at_once_than_a_block(packed, monkeypatch):
    packed.write_bytes(plain_deb(CONTROL, [("./zeros.txt", "0" * 5_000_000)]))
    sizes = [len(block) for block in deb_module.data_blocks(packed)]
    assert max(sizes) <= 1 << 20
    assert sum(sizes) > 5_000_000


def test_data_that_takes_much_memory_is_refused(refused, monkeypatch):
    monkeypatch.setattr(deb_module, "MOST_MEMORY", 1 << 20)
    refused(plain_deb(CONTROL, [GOOD]), r"it is damaged \(Memory usage limit exceeded\)")


def test_damaged_packages_are_refused_or_read(tmp_path, packed):
    whole = plain_deb(CONTROL, [GOOD, ("./other", "other")])
    random = np.random.default_rng(0)
    read = 0
    for attempt in range(150):
        content = bytearray(whole)
        for place in random.integers(0, len(whole), 2):
            content[place] = random.integers(256)
        if attempt % 3 == 0:
            del content[random.integers(len(content)) :]
        folder = tmp_path / str(attempt)
        folder.mkdir()
        packed.write_bytes(content)
        with contextlib.suppress(ArchiveError):
            unpack(packed, "*.txt", folder)
            read += 1
    assert 0 < read < 130
    assert {path.name for path in tmp_path.iterdir()} == {*map(str, range(150)), packed.name}
