"""LlamaIndex's messages reach the model as LangChain's, and its replies come back as LlamaIndex's."""

import base64

import pytest

pytest.importorskip("llama_index.core", reason="run `make test-integrations`: llama-index-core is missing")

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from llmops_integrations.llama_index import MiddlewareLLM
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.testing import ScriptedChatModel

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def sent(*messages):
    """Return what a model is sent for a conversation."""
    model = ScriptedChatModel(replies=["fine"])
    MiddlewareLLM(model).chat(list(messages))
    return model.calls[0]


@pytest.mark.parametrize(
    ("role", "kind"),
    [
        ("system", SystemMessage),
        ("developer", SystemMessage),
        ("user", HumanMessage),
        ("assistant", AIMessage),
        ("chatbot", AIMessage),
        ("model", AIMessage),
    ],
)
def test_a_role_is_a_kind_of_message(role, kind):
    (message,) = sent(ChatMessage(role=role, content="hello"))
    assert isinstance(message, kind)
    assert message.content == "hello"


def test_a_developer_is_told_from_the_system():
    (message,) = sent(ChatMessage(role="developer", content="hello"))
    assert message.additional_kwargs == {"__openai_role__": "developer"}


def test_several_texts_stay_apart():
    (message,) = sent(ChatMessage(blocks=[TextBlock(text="one"), TextBlock(text="two")]))
    assert message.content == [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]


def test_a_message_without_blocks_is_empty():
    assert sent(ChatMessage())[0].content == ""


@pytest.mark.parametrize("source", ["bytes", "file", "data URL"])
def test_an_image_is_sent_along(source, tmp_path):
    encoded = base64.b64encode(PNG).decode()
    (tmp_path / "one.png").write_bytes(PNG)
    image = {
        "bytes": ImageBlock(image=PNG),
        "file": ImageBlock(path=tmp_path / "one.png"),
        "data URL": ImageBlock(url=f"data:image/png;base64,{encoded}"),
    }[source]
    (message,) = sent(ChatMessage(blocks=[TextBlock(text="what is this?"), image]))
    assert message.content == [
        {"type": "text", "text": "what is this?"},
        {"type": "image", "base64": encoded, "mime_type": "image/png"},
    ]


def test_an_image_elsewhere_is_left_to_the_provider_to_fetch():
    (message,) = sent(ChatMessage(blocks=[ImageBlock(url="https://images.invalid/one.png")]))
    assert message.content == [{"type": "image", "url": "https://images.invalid/one.png"}]


def test_tool_calls_go_there_and_back():
    call = {"name": "look_up", "args": {"order": "A1"}, "id": "call-1", "type": "tool_call"}
    model = ScriptedChatModel(replies=[AIMessage("", tool_calls=[call]), "fine"])
    llm = MiddlewareLLM(model)
    asked = ChatMessage(content="where is A1?")
    reply = llm.chat([asked]).message
    assert reply.blocks == [
        ToolCallBlock(tool_call_id="call-1", tool_name="look_up", tool_kwargs={"order": "A1"})
    ]
    found = ChatMessage(role=MessageRole.TOOL, content="posted", additional_kwargs={"tool_call_id": "call-1"})
    llm.chat([asked, reply, found])
    _, called, answered = model.calls[1]
    assert called.tool_calls == [call]
    assert isinstance(answered, ToolMessage)
    assert (answered.content, answered.tool_call_id) == ("posted", "call-1")


@pytest.mark.parametrize(
    ("arguments", "calls", "unreadable"),
    [('{"order": "A1"}', [{"order": "A1"}], []), ('{"order": ', [], ['{"order": ']), ("[1]", [], ["[1]"])],
)
def test_arguments_given_as_text_are_read_where_they_can_be(arguments, calls, unreadable):
    block = ToolCallBlock(tool_call_id="1", tool_name="look_up", tool_kwargs=arguments)
    (message,) = sent(ChatMessage(role="assistant", blocks=[TextBlock(text="so"), block]))
    assert message.content == "so"
    assert [call["args"] for call in message.tool_calls] == calls
    assert [call["args"] for call in message.invalid_tool_calls] == unreadable


def test_a_models_thinking_is_not_sent_back():
    blocks = [ThinkingBlock(content="hm"), TextBlock(text="so")]
    assert sent(ChatMessage(role="assistant", blocks=blocks))[0].content == "so"


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            ChatMessage(role="tool", content="posted"),
            r"messages[1]: a tool's message needs additional_kwargs['tool_call_id']",
        ),
        (
            ChatMessage(role="function", content="posted"),
            "messages[1]: no LangChain chat model knows the role 'function', use 'tool'",
        ),
        (
            ChatMessage(blocks=[AudioBlock(audio=b"sound")]),
            "messages[1]: AudioBlock cannot be passed on, send text blocks and image blocks",
        ),
        (
            ChatMessage(blocks=[ImageBlock(image=b"no image")]),
            "messages[1]: an image of unknown kind, set its image_mimetype",
        ),
    ],
    ids=["tool", "function", "audio", "image"],
)
def test_what_cannot_be_passed_on_is_refused_in_one_sentence(message, sentence):
    with pytest.raises(ConfigurationError) as raised:
        sent(ChatMessage(content="hello"), message)
    assert str(raised.value) == sentence
