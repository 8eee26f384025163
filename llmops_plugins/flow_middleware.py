"""The adapter every flow shares: agent middleware whose hooks only drive it."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, get_args

from langchain.agents.middleware.types import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage

from llmops_plugins.effects import Emit, Flow, Forward, ModelReply, Response, Result, Spawn
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.events import Decision, Mode
from llmops_plugins.failures import warn_once
from llmops_plugins.flow import Steps, arun, run

__all__ = ["FlowMiddleware", "fail_open"]

_REMEDY = 'mend what it calls, or switch it off with mode="off"'


class FlowMiddleware(AgentMiddleware[Any, Any, Any]):
    """Agent middleware around a flow: write :meth:`flow` once, and both hooks follow.

    Subclasses set :attr:`capability`, the name their decisions go by. Whatever goes wrong inside the flow,
    the user's call is made as it would have been (see :func:`fail_open`).

    Args:
        mode: ``"on"`` acts; ``"shadow"`` answers with the user's own model and runs :meth:`shadow_flow` in
            the background, where its decisions are recorded and change nothing; ``"off"`` passes by.

    Raises:
        ConfigurationError: If the mode is none of these, there is no :meth:`shadow_flow` to run in it, or no
            :attr:`capability`.
    """

    capability: ClassVar[str]

    def __init__(self, *, mode: Mode = "on") -> None:
        super().__init__()
        if not getattr(self, "capability", ""):
            raise ConfigurationError("capability", f"{self.name} must set it to the name its decisions go by")
        if mode not in get_args(Mode):
            raise ConfigurationError("mode", f"must be one of {', '.join(get_args(Mode))}, got {mode!r}")
        if mode == "shadow" and type(self).shadow_flow is FlowMiddleware.shadow_flow:
            raise ConfigurationError("mode", f'{self.name} cannot run in "shadow": it has no shadow_flow')
        self.mode: Mode = mode

    def flow(self, request: ModelRequest[Any]) -> Flow[Response]:
        """Decide about one model call; the whole capability."""
        raise NotImplementedError

    def shadow_flow(self, request: ModelRequest[Any], reply: Response) -> Flow[Any]:
        """Decide about one model call that has been answered already, changing nothing."""
        raise NotImplementedError

    def guarded_flow(self, request: ModelRequest[Any]) -> Flow[Response]:
        """The flow as it runs: in its mode, and failing open. What drivers are given."""
        if self.mode == "off":
            return passed_by(request)
        if self.mode == "shadow":
            return shadowed(self, request)
        return fail_open(self.capability, begun_inside(self.flow, request), request)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Drive the flow around a synchronous model call."""
        return run(self.guarded_flow(request), handler)

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Drive the flow around an asynchronous model call."""
        return await arun(self.guarded_flow(request), handler)


def passed_by(request: ModelRequest[Any]) -> Flow[Response]:
    """Pass the call on untouched."""
    reply: Response = yield Forward(request, live=True)
    return reply


def shadowed(middleware: FlowMiddleware, request: ModelRequest[Any]) -> Flow[Response]:
    """Answer as without the middleware, and let it decide in the background what it would have done."""
    reply: Response = yield Forward(request, live=True)
    yield Spawn(begun_inside(middleware.shadow_flow, request, reply))
    return reply


def begun_inside(flow: Callable[..., Flow[Result]], *arguments: Any) -> Flow[Result]:
    """Begin a flow only when it is driven: ``flow`` may be a plain function that fails before it has one."""
    return (yield from flow(*arguments))


def fail_open(capability: str, flow: Flow[Response], request: ModelRequest[Any]) -> Flow[Response]:
    """Run a cost feature's flow so that an error inside it leaves the user's call as it would have been.

    An error of the live call is the user's own and goes on to them. After any other, a live reply that has
    already come is returned; without one the original request is passed on. So the live call is made once.

    Args:
        capability: Who failed, for the decision that says so.
        flow: The flow to guard.
        request: The request as it came.

    Returns:
        The flow's response, or the one the user would have had.
    """
    reply: Response
    live_reply: Response | None = None
    live_error: Exception | None = None
    paid: list[str] = []
    steps = Steps(flow)
    with contextlib.closing(flow):
        try:
            for effect in steps:
                live = isinstance(effect, Forward) and effect.live
                with steps:
                    try:
                        reply = steps.reply = yield effect
                    except Exception as error:
                        live_error = error if live else live_error
                        raise
                    live_reply = reply if live else live_reply
                    paid += [] if live else _message_ids(reply)
            if steps.result is None:
                raise TypeError("the flow returned None, return a ModelResponse")
            return steps.result
        except Exception as error:
            if error is live_error:
                raise
            failure = f"{type(error).__name__} inside the {capability}"
            warn_once(f"the {capability}", error, _REMEDY)
    with contextlib.suppress(Exception):  # who cannot hear of the failure must not make it the user's
        yield Emit(
            Decision(capability=capability, outcome="failed_open", reason=failure, rejected=tuple(paid))
        )
    if live_reply is not None:
        return live_reply
    if live_error is not None:
        raise live_error
    reply = yield Forward(request, live=True)
    return reply


def _message_ids(outcome: Any) -> list[str]:
    """Return the ids of the replies in an effect's outcome, which name the calls that were paid for."""
    match outcome:
        case list():
            return [message_id for one in outcome for message_id in _message_ids(one)]
        case ModelResponse():
            return [message.id for message in outcome.result if isinstance(message, AIMessage) and message.id]
        case ModelReply():
            return [outcome.message.id] if outcome.message.id else []
    return []
