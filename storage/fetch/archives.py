"""Unpack a zip archive from elsewhere: only plain files, only below its own folder, bounded."""

import shutil
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from genre_core.errors import GenreflowError, TransientError

_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackLimits:
    """How many files an archive may hold, and how many bytes they may have unpacked."""

    max_files: int
    max_bytes: int


def unpack_zip(archive: Path, folder: Path, limits: UnpackLimits) -> None:
    """Unpack the one folder that a zip file holds; it appears under its name when complete.

    All members must be plain files below one top folder with the name of ``folder``. The limits are
    checked before anything is written; no member can unpack to more than it declares.
    """
    unpacked = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as file:
            members = file.infolist()
            _check_members(archive, members, folder.name, limits)
            file.extractall(unpacked, members)
        (unpacked / folder.name).replace(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise TransientError(f"{archive} is damaged ({error}). Fetch it again.") from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _check_members(
    archive: Path, members: list[zipfile.ZipInfo], top: str, limits: UnpackLimits
) -> None:
    if len(members) > limits.max_files:
        raise GenreflowError(f"{archive} holds {len(members)} files: more than it should.")
    if sum(member.file_size for member in members) > limits.max_bytes:
        raise GenreflowError(f"{archive} unpacks to more than {limits.max_bytes} bytes.")
    if odd := [member.filename for member in members if not _is_plain(member, top)]:
        raise GenreflowError(f"{archive} holds what it should not: {odd[0]!r}. It is not unpacked.")


def _is_plain(member: zipfile.ZipInfo, top: str) -> bool:
    path = PurePosixPath(member.orig_filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    return (
        path.parts[:1] == (top,)
        and ".." not in path.parts
        and not {"\\", "\0"} & set(member.orig_filename)
        and kind in (0, stat.S_IFREG, stat.S_IFDIR)
        and not member.flag_bits & _ENCRYPTED
    )
