"""Packages of Debian's kind, written byte by byte, so that a test may lie in any of them."""

import io
import lzma
import tarfile


def packed_tar(*members):
    """A .tar.xz of members, each a name with a text, or a TarInfo with its bytes."""
    room = io.BytesIO()
    with tarfile.open(fileobj=room, mode="w") as tar:
        for member, content in members:
            if isinstance(member, str):
                content = content.encode()
                member = tarfile.TarInfo(member)
                member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return lzma.compress(room.getvalue(), preset=1)


def ar_member(name, content, *, size=None, mark=b"`\n"):
    """A member of an ar archive, with a header that may say another size."""
    size = len(content) if size is None else size
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{size:<10}".encode() + mark
    return header + content + b"\n" * (len(content) % 2)


def made_deb(*members):
    """An ar archive that begins as each .deb does."""
    return b"!<arch>\n" + ar_member("debian-binary", b"2.0\n") + b"".join(members)


def plain_deb(control, data):
    """A whole .deb, of the members of its two tars."""
    tars = {"control.tar.xz": control, "data.tar.xz": data}
    return made_deb(*(ar_member(name, packed_tar(*members)) for name, members in tars.items()))
