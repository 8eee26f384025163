"""Which tools are given more than what the model wrote: the run's state, its context or its store."""

from __future__ import annotations

from typing import Any

from langchain_core.tools import BaseTool

__all__ = ["takes_run_state"]


def takes_run_state(tool: Any) -> bool:
    """Tell whether a tool has arguments that a model does not see, such as ``ToolRuntime``.

    What such a tool brings may be one user's alone, although another one's call looks the same.

    Args:
        tool: A tool, or a provider's description of one, which has none.
    """
    if not isinstance(tool, BaseTool):
        return False
    seen = getattr(tool.tool_call_schema, "model_fields", None)
    given = getattr(tool.get_input_schema(), "model_fields", {})
    return seen is not None and not set(given) <= set(seen)
