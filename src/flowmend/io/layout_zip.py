"""A dataset's folder, or one zip with the same relative paths: read and written alike."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from flowmend.errors import InputError
from flowmend.io.atomic import replacing

_FIRST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_COMPRESSED = {".flo", ".json", ".txt"}


class LayoutFolder:
    """A layout in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, relpath: str) -> bytes:
        """The bytes of one file.

        Raises:
            InputError: it is missing or unreadable.
        """
        try:
            return (self._root / relpath).read_bytes()
        except OSError as error:
            where = self._root / relpath
            raise InputError(where, f"cannot be read ({error.strerror})", "restore it") from None

    def names(self) -> list[str]:
        """Relative paths of all files, sorted."""
        files = (path for path in self._root.rglob("*") if path.is_file())
        return sorted(path.relative_to(self._root).as_posix() for path in files)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class LayoutZip:
    """A layout in a zip file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._zip = open_zip(path)

    def read(self, relpath: str) -> bytes:
        """The bytes of one member.

        Raises:
            InputError: it is missing, or its checksum does not fit.
        """
        return read_member(self._zip, self._path, relpath)

    def names(self) -> list[str]:
        """Relative paths of all files, sorted."""
        return sorted(name for name in self._zip.namelist() if not name.endswith("/"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()


Layout = LayoutFolder | LayoutZip


def open_layout(path: Path | str) -> Layout:
    """Open a folder or a zip for reading; use it in a ``with`` statement.

    Raises:
        InputError: there is no such folder or file, or the file is not a zip.
    """
    path = Path(path)
    return LayoutFolder(path) if path.is_dir() else LayoutZip(path)


class LayoutZipWriter:
    """Adds files to a new zip; made by :func:`writing_zip`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._zip = archive
        self._names: set[str] = set()

    def add(self, relpath: str, data: bytes) -> None:
        """Add one file. Images are stored as they are, text and ``.flo`` are deflated."""
        if relpath in self._names:
            raise ValueError(f"{relpath} was added before")
        self._names.add(relpath)
        add_member(self._zip, relpath, data, deflate=Path(relpath).suffix in _COMPRESSED)


@contextmanager
def writing_zip(path: Path | str) -> Iterator[LayoutZipWriter]:
    """Write a zip whose bytes depend on its content alone; it appears when all went well."""
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        yield LayoutZipWriter(archive)


def add_member(archive: zipfile.ZipFile, name: str, data: bytes, deflate: bool) -> None:
    """Add a file to a zip such that the same content gives the same bytes on every machine."""
    member = zipfile.ZipInfo(name, _FIRST_ZIP_DATE)
    member.create_system = 3  # Unix
    member.external_attr = 0o644 << 16
    archive.writestr(member, data, zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED)


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip for reading.

    Raises:
        InputError: it is missing or not a whole zip file.
    """
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        what = f"is truncated or not a zip file ({error})"
        raise InputError(path, what, "make or fetch it again") from None
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the path") from None


def read_member(archive: zipfile.ZipFile, path: Path, name: str) -> bytes:
    """The bytes of one member of the zip at ``path``.

    Raises:
        InputError: it is missing, or damaged.
    """
    try:
        return archive.read(name)
    except KeyError:
        raise InputError(f"{path}: {name}", "is missing", "make the archive again") from None
    except Exception as error:  # a damaged zip raises anything from struct.error to zlib.error
        what = f"is damaged ({' '.join(str(error).split())})"
        raise InputError(f"{path}: {name}", what, "make or fetch the archive again") from None
