"""Which models a cascade is made of, as the user writes them."""

from __future__ import annotations

from llmops_plugins.errors import ConfigurationError, UnknownModelError
from llmops_plugins.records.reading import Records

__all__ = ["parse_tiers"]


def parse_tiers(text: str, records: Records) -> list[list[str]]:
    """Read tiers as written on a command line: ``,`` between tiers, ``+`` between models asked at once.

    Raises:
        ConfigurationError: If a tier is empty, the last has several models, or another has only one.
        UnknownModelError: If the records hold no answers of a model.

    Example:
        >>> from llmops_plugins.records.reading import Record, RecordedResponse
        >>> answer = RecordedResponse(text="4", score=1.0)
        >>> row = Record(line=1, record_id="1", prompt="2+2", responses=dict.fromkeys("abc", answer))
        >>> parse_tiers("a+b,c", Records(source="-", rows=[row]))
        [['a', 'b'], ['c']]
    """
    tiers = [[model.strip() for model in tier.split("+")] for tier in text.split(",")]
    if not all(all(tier) for tier in tiers):
        raise ConfigurationError("tiers", f"{text!r} has an empty tier, write for example small+medium,large")
    known = set(records.models)
    for model in (model for tier in tiers for model in tier):
        if model not in known:
            raise UnknownModelError(
                "tiers", f"{model!r} has no recorded answers; there are {', '.join(sorted(known))}"
            )
    if len(tiers) < 2:
        raise ConfigurationError("tiers", f"{text!r} is one tier, write for example small+medium,large")
    if len(tiers[-1]) > 1:
        raise ConfigurationError("tiers", "the last tier answers unverified, give it one model")
    if any(len(tier) < 2 for tier in tiers[:-1]):
        raise ConfigurationError("tiers", "agreement compares two models, join them as small+medium")
    named = [model for tier in tiers for model in tier]
    repeated = next((model for model in named if named.count(model) > 1), None)
    if repeated is not None:
        raise ConfigurationError("tiers", f"{repeated!r} is named twice, a second opinion is another model's")
    return tiers
