"""Secrets that stay on the host: code names them by placeholder, and what comes back is cleared of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from pydantic import SecretStr

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.sandbox.secret_scrubber import (
    FEWEST_CHARACTERS,
    SecretScrubber,
    letters_and_digits,
)

__all__ = ["SecretNotGrantedError", "SecretValues"]

_PLACEHOLDER = re.compile(r"\{\{([A-Za-z_][A-Za-z0-9_]*)\}\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class SecretNotGrantedError(Exception):
    """Code named a secret to a function that was not granted it.

    Args:
        name: The secret's name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{{{{{name}}}}} is not for this function")


class SecretValues:
    """Secrets by name; neither its ``repr`` nor a pickle shows a value.

    Args:
        secrets: Values, or ``SecretStr``, by name; the placeholder of ``KEY`` is ``{{KEY}}``.

    Raises:
        ConfigurationError: If a name is no identifier, or a value too short to be recognised in what comes
            back.
    """

    def __init__(self, secrets: Mapping[str, str | SecretStr] | None = None) -> None:
        self._values = {name: _value(name, value) for name, value in (secrets or {}).items()}
        self.scrub = SecretScrubber(self._values)
        """Takes every secret out of a text: see :class:`SecretScrubber`."""

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in the order given."""
        return tuple(self._values)

    def fill(self, text: str, granted: Collection[str]) -> str:
        """Replace the placeholders of granted secrets by their values.

        Args:
            text: Text from the sandbox; what only looks like a placeholder stays as it is.
            granted: Names of the secrets that may be filled in.

        Returns:
            The text with values; a value is not searched for placeholders again.

        Raises:
            SecretNotGrantedError: If the text holds the placeholder of another secret.
        """

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name not in self._values:
                return found[0]
            if name not in granted:
                raise SecretNotGrantedError(name)
            return self._values[name]

        return _PLACEHOLDER.sub(value, text)

    def __repr__(self) -> str:
        return f"SecretValues({', '.join(self.names)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("secrets are not pickled or copied")


def _value(name: Any, value: Any) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        problem = f"{name!r} is no name for a placeholder, use letters, digits and _ such as WEATHER_KEY"
        raise ConfigurationError("secrets", problem)
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(plain, str):
        problem = f"must be a string or a SecretStr, got a {type(plain).__name__}"
        raise ConfigurationError(f"secrets.{name}", problem)
    if len(letters_and_digits(plain)) < FEWEST_CHARACTERS:
        problem = f"needs at least {FEWEST_CHARACTERS} letters or digits to be recognised in what comes back"
        raise ConfigurationError(f"secrets.{name}", problem)
    return plain
