"""A wrong ``params.yaml`` in one line: which key, what is wrong with it, what to write instead."""

import re
from collections.abc import Hashable, Mapping
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from flowmend.errors import InputError

_LIKENESS = 0.75  # of a misspelt key to the one that is suggested; difflib's ratio


def read_yaml(path: Path | str) -> object:
    """Plain data of a YAML file.

    Raises:
        InputError: the file is missing, cannot be read, is not YAML, or has a key twice.
    """
    try:
        return _NoDuplicates(Path(path).read_text(encoding="utf-8")).get_single_data()
    except FileNotFoundError:
        raise InputError(path, "is missing", "run flowmend in the project's folder") from None
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "restore the file") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise InputError(f"{path}: line {line}", str(error.problem), "mend that line") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # bytes, dates, depth
        what = f"is not YAML ({' '.join(str(error).split())})"
        raise InputError(path, what, "mend that value or restore the file") from None


class _NoDuplicates(yaml.SafeLoader):
    """Plain data only, and a key once: PyYAML silently keeps the last of two."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: list[object] = []
        for key, _ in node.value:
            if key.value in seen:
                what = f"key {key.value} stands twice in its block"
                raise yaml.MarkedYAMLError(problem=what, problem_mark=key.start_mark)
            seen.append(key.value)
        return super().construct_mapping(node, deep)


def explain(path: Path | str, error: ValidationError, keys: set[str]) -> InputError:
    """The most telling of pydantic's errors: a misspelt key is a missing one too.

    Args:
        path: of the file.
        error: what pydantic says of its content.
        keys: all known keys, for suggestions.
    """
    errors = sorted(
        error.errors(), key=lambda one: (one["type"] != "extra_forbidden", -len(_parts(one)))
    )
    first, kind = errors[0], errors[0]["type"]
    where = f"{path}: {'.'.join(_parts(first)) or '(top level)'}"
    if kind == "extra_forbidden":
        key = _parts(first)[-1]
        if key in keys:
            return InputError(where, "does not belong to this block", "remove it")
        return InputError(where, "is not a known key", _spelling(key, keys))
    if kind == "missing":
        return InputError(where, "is missing", "add it")
    if kind == "union_tag_invalid":
        tag, expected = (first["ctx"][key] for key in ("tag", "expected_tags"))
        what, remedy = f"is '{tag}'", f"it must be one of {expected}"
        return InputError(f"{where}.task", *(re.sub(r"[\[\]]", "", t) for t in (what, remedy)))
    if kind == "value_error":
        return InputError(where, first["msg"].removeprefix("Value error, "), "change one of them")
    alike = [_remedy(one) for one in errors if _parts(one) == _parts(first)]
    return InputError(where, f"is {_shown(first['input'])}", " or ".join(dict.fromkeys(alike)))


def _parts(error: Mapping[str, Any]) -> list[str]:
    """``scales, smoke, train, steps``; pydantic's notes on unions and keys have brackets."""
    return [str(part) for part in error["loc"] if "[" not in str(part)]


def _spelling(key: str, keys: set[str]) -> str:
    close = get_close_matches(key, sorted(keys), n=1, cutoff=_LIKENESS)
    return f"did you mean {close[0]}?" if close else "remove it"


def _shown(value: object) -> str:
    if value is None or (isinstance(value, list | dict) and not value):
        return "empty"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a block"
    return repr(value)


def _remedy(error: Mapping[str, Any]) -> str:
    kind, value = error["type"], error["input"]
    if kind == "string_pattern_mismatch" or (kind == "string_type" and "[key]" in error["loc"]):
        return "a name starts with a letter and goes on with letters, digits and _"
    if kind in {"model_type", "dict_type"}:
        return "give a block of keys"
    if kind in {"too_short", "string_too_short"}:
        return "give at least one"
    number = _number(value) if kind in {"float_type", "int_type"} else None
    if number is not None:
        return f"write {number}: YAML reads {value} as text"
    return error["msg"].replace("Input should be", "it must be")


def _number(value: object) -> str | None:
    """How YAML 1.1 wants a number that it read as text; None if that is not what it is."""
    try:
        number = float(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if number is None or not isfinite(number):
        return None
    if number.is_integer():
        return str(int(number))
    digits = repr(number)
    return digits if "." in digits else digits.replace("e", ".0e")
