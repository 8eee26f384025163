"""Reads a model registry from YAML, refusing in one sentence whatever it cannot mean."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.registry import (
    RATES,
    ModelSpec,
    Price,
    SelfHosted,
    hint,
    refuse_other_than_words,
)

__all__ = ["read_specs"]

_Record = TypeVar("_Record", Price, SelfHosted)


def read_specs(path: Path) -> Iterator[ModelSpec]:
    """Yield the models that a YAML file describes.

    Raises:
        ConfigurationError: The file is missing or not YAML, a key appears twice, or a field is wrong.
    """
    document = _mapping(_load_yaml(path), str(path))
    _refuse_unknown(document, ["models"], "")
    for name, raw in _mapping(document.get("models"), "models").items():
        yield _spec(name, raw)


def _load_yaml(path: Path) -> object:
    """Return a YAML file's content, refusing the duplicate keys that PyYAML would silently let win."""
    import yaml

    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        _refuse_duplicate_keys(node, "", set())
        return loader.construct_document(node) if node is not None else None
    except OSError as error:
        raise ConfigurationError(
            str(path), f"cannot be read ({error.strerror}); give an existing file"
        ) from error
    except ConfigurationError:
        raise
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(str(path), f"is not valid YAML: {error}") from error


def _refuse_duplicate_keys(node: Any, path: str, seen: set[int]) -> None:
    """Walk a YAML node tree; ``seen`` ends the walk where an alias repeats or contains itself."""
    if id(node) in seen or not isinstance(getattr(node, "value", None), list):
        return
    seen.add(id(node))
    keys: set[tuple[str, str]] = set()
    for position, child in enumerate(node.value):
        if not isinstance(child, tuple):
            _refuse_duplicate_keys(child, f"{path}[{position}]", seen)
            continue
        key, value = child
        where = f"{path}.{key.value}" if path else str(key.value)
        if (key.tag, str(key.value)) in keys:
            raise ConfigurationError(where, f"appears twice (line {key.start_mark.line + 1}); remove one")
        keys.add((key.tag, str(key.value)))
        _refuse_duplicate_keys(value, where, seen)


def _mapping(raw: object, path: str) -> Mapping[Any, Any]:
    if not isinstance(raw, Mapping):
        raise ConfigurationError(path, f"must be a mapping of names to values, got {type(raw).__name__}")
    return raw


def _list(raw: object, path: str) -> list[Any]:
    if not isinstance(raw, list):
        raise ConfigurationError(path, f"must be a list, got {type(raw).__name__}")
    return raw


def _refuse_unknown(entry: Mapping[Any, Any], known: Collection[str], path: str) -> None:
    for key in entry:
        if key not in known:
            raise ConfigurationError(f"{path}.{key}".lstrip("."), f"is not a field{hint(key, known)}")


def _record(kind: type[_Record], raw: object, path: str) -> _Record:
    """Build a price or a throughput from its YAML mapping, saying where in the file an error is."""
    entry = _mapping(raw, path)
    _refuse_unknown(entry, [known.name for known in fields(kind)], path)
    for known in fields(kind):
        if known.default is MISSING and known.name not in entry:
            raise ConfigurationError(f"{path}.{known.name}", "is missing; add it")
    try:
        return kind(**entry)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}.{error.field}", error.problem) from None


def _spec(name: Any, raw: object) -> ModelSpec:
    path = f"models.{name}"
    entry = dict(_mapping(raw, path))
    if not entry:
        raise ConfigurationError(path, "says nothing, give it a price or a model, or remove it")
    spec_fields = [known.name for known in fields(ModelSpec) if known.name != "name"]
    _refuse_unknown(entry, [*RATES, *spec_fields], path)
    listed = _list(entry.pop("prices", []), f"{path}.prices")
    prices = [_record(Price, price, f"{path}.prices[{index}]") for index, price in enumerate(listed)]
    undated = {rate: entry.pop(rate) for rate in RATES if rate in entry}
    if undated:
        prices.append(_record(Price, undated, path))
    if "self_hosted" in entry:
        entry["self_hosted"] = _record(SelfHosted, entry["self_hosted"], f"{path}.self_hosted")
    entry["settings"] = _mapping(entry.get("settings", {}), f"{path}.settings")
    words = _list(entry.get("capabilities", []), f"{path}.capabilities")
    refuse_other_than_words(words, f"{path}.capabilities")
    entry["capabilities"] = frozenset(words)
    return ModelSpec(name=name, prices=tuple(prices), **entry)
