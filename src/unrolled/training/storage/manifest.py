"""The list of a checkpoint's files with their SHA-256, sealed by a SHA-256 of its own.

The seal is the last line and covers every byte above it, in every format that will ever be: so a
damaged manifest is told from one that a later version wrote.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unrolled.errors import DamagedFileError
from unrolled.training.storage.json_text import JSON_LIMIT, write_json
from unrolled.training.storage.run_files import (
    FORMAT,
    check_format,
    package_version,
    parse_record,
    read_file,
)

MANIFEST = "manifest.json"
_SEAL = b',\n  "seal": "'
_END = b"\n}\n"


def write_manifest(step: int, contents: Mapping[str, bytes]) -> bytes:
    """Write the manifest of a checkpoint.

    Args:
        step: The step that the checkpoint is of.
        contents: The bytes of each file by its name.

    Returns:
        The manifest's bytes.
    """
    files = {name: {"sha256": _sha256(data), "size": len(data)} for name, data in contents.items()}
    record = {"format": FORMAT, "version": package_version(), "step": step, "files": files}
    return _sealed(write_json(record, place="manifest").removesuffix(_END))


def read_manifest(folder: Path, step: int) -> dict[str, Any]:
    """Read and check the manifest of a checkpoint.

    Args:
        folder: The checkpoint.
        step: The step that its name says.

    Returns:
        For each file's name its "sha256" and "size".

    Raises:
        DamagedFileError: It is not, byte for byte, what was saved, or of another step.
    """
    path = folder / MANIFEST
    text = read_file(path, limit=JSON_LIMIT)
    if text != _sealed(text.rpartition(_SEAL)[0]):
        raise DamagedFileError(
            path=path, damage="was changed after it was saved: its seal is broken"
        )
    record = parse_record(text, path)
    check_format(record, path)
    match record:
        case {"step": int(found), "files": dict(files)} if found == step:
            return files
    damage = f"belongs to step {record.get('step')!r}, and its folder's name says {step}"
    raise DamagedFileError(path=path, damage=damage)


def read_listed_file(folder: Path, name: str, files: Mapping[str, Any]) -> bytes:
    """Read one file of a checkpoint and compare it with the manifest.

    Args:
        folder: The checkpoint.
        name: The file.
        files: What the manifest says.

    Returns:
        The bytes, checked.

    Raises:
        DamagedFileError: They are not the bytes that were saved.
    """
    path = folder / name
    match files.get(name):
        case {"sha256": str(digest), "size": int(size)}:
            data = read_file(path, limit=size)
        case _:
            raise DamagedFileError(path=folder / MANIFEST, damage=f"does not list {name}")
    if len(data) < size:
        raise DamagedFileError(path=path, damage=f"was cut short: {len(data):,} of {size:,} bytes")
    if _sha256(data) != digest:
        damage = "was changed after it was saved: its SHA-256 is not the manifest's"
        raise DamagedFileError(path=path, damage=damage)
    return data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sealed(head: bytes) -> bytes:
    return head + _SEAL + _sha256(head).encode() + b'"' + _END
