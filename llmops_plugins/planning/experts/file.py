"""Experts from a file, as ``llmops plan --experts FILE`` reads them::

- name: captioner
  kinds: [image-caption]
  description: Says what is in an image.
  model: "openai:gpt-4o-mini"
  arguments: {type: object, properties: {image: {type: string}}, required: [image]}
- name: search
  kinds: [web-search]
  tool: "my_tools:search"
  cost_usd: 0.005
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.experts.expert import Expert, checked_experts

__all__ = ["LoadAttribute", "read_experts"]

LoadAttribute = Callable[[str, str], Any]
"""Returns what is at ``module:attribute``, or None; the second argument names the setting, for errors."""

_Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Card(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    kinds: list[str]
    description: str = ""
    arguments: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    model: str | None = None
    tool: str | None = None
    cost_usd: _Amount | None = None
    latency_seconds: _Amount | None = None
    side_effects: bool = False
    max_input_tokens: int | None = None
    timeout: _Amount | None = None

    @model_validator(mode="after")
    def _is_run_by_one(self) -> _Card:
        if self.model is not None and self.tool is not None:
            raise ValueError("has a model and a tool, keep the one that does the work")
        return self


_CARDS = TypeAdapter(list[_Card])


def read_experts(path: Path | str, load: LoadAttribute | None = None) -> tuple[Expert, ...]:
    """Read experts from a YAML or JSON file: a list of cards. Models stay names, and are not built.

    Args:
        path: The file.
        load: Returns what a card's ``tool`` names: a tool, a function, an agent or any other runnable. None
            leaves those out, and then a card has to say its arguments itself.

    Raises:
        ConfigurationError: If the file cannot be read, is no such list, or a card makes no expert.
    """
    experts = []
    for index, card in enumerate(_cards(Path(path))):
        try:
            experts.append(_expert(card, load))
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: [{index}]", str(error)) from error
    try:
        return checked_experts(experts, need_runnable=False)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error.field}", error.problem) from error


def _cards(path: Path) -> list[_Card]:
    import yaml

    try:
        return _CARDS.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        problem = f"{path} cannot be read ({error.strerror}), name the file of a list of experts"
        raise ConfigurationError("experts", problem) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{path}: {where or 'the file'}", _sentence(problem)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = f"is neither YAML nor JSON ({' '.join(str(error).split())}), write a list of experts"
        raise ConfigurationError(str(path), problem) from error


def _expert(card: _Card, load: LoadAttribute | None) -> Expert:
    given = card.model_dump(exclude={"model", "tool"})
    return Expert(**given, runnable=card.model if card.tool is None else _loaded(card, load))


def _loaded(card: _Card, load: LoadAttribute | None) -> Any:
    if card.tool is None or load is None:
        return None
    if ":" not in card.tool:
        raise ConfigurationError("tool", f"must be module:attribute, got {card.tool!r}")
    found = load(card.tool, "tool")
    if found is None:
        raise ConfigurationError("tool", f"{card.tool} does not exist, name what the module has")
    return found


def _sentence(problem: str) -> str:
    """Return pydantic's words as the rest of a sentence that begins with a field."""
    return f"{problem[:1].lower()}{problem[1:]}"
