"""LangChain's own tests for chat models, run on the wrapper and on the shipped fakes."""

from langchain_tests.unit_tests.chat_models import ChatModelUnitTests

from llmops_plugins.flow import Forward
from llmops_plugins.flow_middleware import FlowMiddleware
from llmops_plugins.testing import RecordedAnswer, ReplayChatModel, ScriptedChatModel
from llmops_plugins.wrapped_model.model import ModelWithMiddleware


class PassOn(FlowMiddleware):
    capability = "pass_on"

    def flow(self, request):
        return (yield Forward(request, live=True))


class OurChatModelTests(ChatModelUnitTests):
    """What is the same for all of them."""

    @property
    def supports_model_override(self):
        return True


class TestModelWithMiddleware(OurChatModelTests):
    @property
    def chat_model_class(self):
        return ModelWithMiddleware

    @property
    def chat_model_params(self):
        return {"wrapped": ScriptedChatModel(replies=["x"]), "middleware": (PassOn(), PassOn())}


class TestScriptedChatModel(OurChatModelTests):
    @property
    def chat_model_class(self):
        return ScriptedChatModel

    @property
    def chat_model_params(self):
        return {"replies": ["x"], "model_name": "scripted"}


class TestReplayChatModel(OurChatModelTests):
    @property
    def chat_model_class(self):
        return ReplayChatModel

    @property
    def chat_model_params(self):
        answer = RecordedAnswer(text="4", input_tokens=1, output_tokens=1)
        return {"answers": {"2 + 2?": answer}, "model_name": "recorded", "provider": "replay"}
