"""The manifest of a flow archive: what makes a zip one, and which versions are understood."""

import json
import zipfile
from pathlib import Path
from typing import Any

from flowmend.errors import InputError
from flowmend.io.codecs import CODECS
from flowmend.io.layout_zip import read_member

FORMAT = "flowmend-flow"
VERSION = 1
MANIFEST = "manifest.json"
_REQUIRED = {"step_px", "max_error_px", "attributes"}


def read_manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """The manifest of the open archive at ``path``.

    Raises:
        InputError: there is none, it is damaged, or it was written by a newer flowmend.
    """
    if MANIFEST not in archive.namelist():
        raise InputError(path, "is not a flow archive (no manifest)", "check the path")
    try:
        manifest = json.loads(read_member(archive, path, MANIFEST))
        if manifest["format"] != FORMAT:
            raise InputError(path, f"is not a flow archive but {manifest['format']!r}", "check it")
        if manifest["version"] > VERSION:
            what = f"has version {manifest['version']}, this flowmend reads up to {VERSION}"
            raise InputError(path, what, "upgrade flowmend")
        entries = manifest["fields"].values()
        whole = manifest["codec"] in CODECS and manifest.keys() >= _REQUIRED
        whole = whole and all("sha256" in entry for entry in entries)
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise InputError(f"{path}: {MANIFEST}", "is damaged", "make or fetch the archive again")
    return manifest
