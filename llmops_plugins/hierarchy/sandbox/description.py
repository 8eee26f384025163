"""What the model is told of the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmops_plugins.hierarchy.sandbox.host_functions import HostFunction, signature_of
from llmops_plugins.hierarchy.sandbox.limits import SandboxLimits

__all__ = ["describe"]

_MISSING = "inheritance, yield, del, eval, exec, files and network"


def describe(
    functions: Mapping[str, HostFunction],
    secrets: Sequence[str],
    imports: Sequence[str],
    limits: SandboxLimits,
) -> str:
    """Say what code in the sandbox may use.

    Args:
        functions: What it may call, by name.
        secrets: Names whose placeholders it may write.
        imports: Modules it may import.
        limits: What a run may take.

    Returns:
        A few lines for a prompt.
    """
    lines = [
        f"Code runs in a sandbox: Python without {_MISSING}.",
        "Nothing of an earlier run is left, and only what is printed is seen.",
        f"It may import {', '.join(imports)}, nothing else." if imports else "It may import nothing.",
    ]
    if functions:
        lines.append("These functions are there, without an import; call them without await:")
        lines += [signature_of(function) for function in functions.values()]
    if secrets:
        lines.append("Write a secret as its placeholder, in a plain string; the function gets its value:")
        lines.append(", ".join("{{" + name + "}}" for name in secrets))
    lines.append(
        f"A run takes at most {limits.seconds:g} seconds, {limits.memory_mb} MB, {limits.output_characters} "
        f"printed characters and {limits.calls} calls."
    )
    return "\n".join(lines)
