"""What was fitted or calibrated as a readable JSON file: written whole, and refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.whole_file import write_whole

__all__ = ["read_json_file", "write_json_file"]

Model = TypeVar("Model", bound=BaseModel)


def write_json_file(path: Path | str, model: BaseModel, *, field: str = "path") -> None:
    """Write a pydantic model as a JSON file, in place of what was there.

    Args:
        path: The file.
        model: What to write.
        field: The setting that holds the path, as an error names it.

    Raises:
        ConfigurationError: If it cannot be written; what was there is then there still.
    """
    try:
        write_whole(Path(path), (model.model_dump_json(indent=2) + "\n").encode("utf-8"))
    except OSError as error:
        raise ConfigurationError(
            field, f"{path} cannot be written ({error.strerror}), name a file that can"
        ) from error


def read_json_file(path: Path | str, kind: type[Model], *, field: str, name: str, remedy: str) -> Model:
    """Read a pydantic model from a JSON file.

    A model's ``format``, where it has one, is a ``Literal`` of the versions it reads.

    Args:
        path: The file.
        kind: The model's class.
        field: The setting that holds the path, as an error names it.
        name: What the file should be, for example ``"cascade policy"``.
        remedy: How to get one that is, for example ``"calibrate it anew"``.

    Raises:
        ConfigurationError: If the file cannot be read, is not JSON, is of another version, or is no such
            model.
    """
    try:
        return kind.model_validate(json.loads(Path(path).read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigurationError(
            field, f"{path} cannot be read ({error.strerror}), name the file of a {name}"
        ) from error
    except ValidationError as error:
        raise ConfigurationError(field, f"{path} {_problem(error, name)}; {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(field, f"{path} is not JSON ({error}); {remedy}") from error


def _problem(error: ValidationError, name: str) -> str:
    errors = error.errors()
    version = next((one for one in errors if one["loc"] == ("format",)), None)
    if version is not None:  # what else a file of another version has or lacks is no mistake in it
        expected: Mapping[str, str] = version.get("ctx", {})
        return f"is a {name} of format {version['input']!r}, which is not {expected.get('expected', 'known')}"
    first = errors[0]
    where = ".".join(map(str, first["loc"])) or "the file"
    return f"is no {name}: {where}: {first['msg'].removeprefix('Value error, ')}"
