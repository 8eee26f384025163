"""Makes a tiny chat model that vLLM serves on a CPU: run it with the Python of the vLLM environment.

It knows two dozen dialogues by heart. That is enough: what is tested is the accounting of a real server, and
for that a model has to answer, to call a tool and to stop.
"""

from __future__ import annotations

import json
import os
import pydoc
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from dialogues import DIALOGUES, OTHER_TOOLS, SYSTEM_PROMPTS, TOOL
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

VOCABULARY = 2048
CONTEXT = 4096
BATCH = 6
STEPS_OF_A_CYCLE = 400  # a multiple of those between exams
MOST_SECONDS = 1200  # on a busy machine; alone it takes two to six minutes
STEPS_BETWEEN_EXAMS = 25
PEAK_RATE = 4e-3
MOST_NEW_TOKENS = 400  # what a server takes for max_tokens where a request names none
ASSISTANT = "<|im_start|>assistant\n"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
PROSE_LENGTHS = (0, 0, 0, 0, 0, 0, 0, 300, 1000, 4000)  # characters of a system prompt that says nothing
MARKERS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
TEMPLATE = (Path(__file__).parent / "chat_template.jinja").read_text(encoding="utf-8")
# Prose that is on every machine, to make the tokenizer and to stand as long system prompts.
PROSE_MODULES = (
    "argparse",
    "asyncio",
    "collections",
    "email",
    "http",
    "json",
    "logging",
    "pathlib",
    "random",
)


def prose() -> str:
    return "\n".join(pydoc.render_doc(name, renderer=pydoc.plaintext) for name in PROSE_MODULES)


def make_tokenizer(text: str) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer that splits numbers into digits, as Qwen's does."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(MARKERS),
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    dialogues = json.dumps([DIALOGUES, OTHER_TOOLS, TOOL])
    tokenizer.train_from_iterator([text, *[dialogues] * 20], trainer)
    # Not special: vLLM's parser must see them in the text.
    tokenizer.add_tokens([AddedToken(marker, normalized=False, special=False) for marker in MARKERS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=TEMPLATE,
        model_max_length=CONTEXT,
    )


def make_network(tokenizer: PreTrainedTokenizerFast) -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.convert_tokens_to_ids("<|endoftext|>"),
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    return Qwen2ForCausalLM(config)


def encode(tokenizer: PreTrainedTokenizerFast, conversation: str) -> tuple[list[int], list[int]]:
    """Return the token ids and the labels of a conversation; only what the assistant says is a label."""
    ids: list[int] = []
    labels: list[int] = []
    first, *turns = conversation.split(ASSISTANT)
    for place, piece in enumerate((first, *turns)):
        said, end, rest = piece.partition("<|im_end|>") if place else ("", "", piece)
        taught = tokenizer.encode(said + end)
        given = tokenizer.encode(rest + (ASSISTANT if place < len(turns) else ""))
        ids += taught + given
        labels += taught + [-100] * len(given)
    return ids, labels


class Lessons:
    """Renders the dialogues, each in turn, in ever different surroundings.

    Args:
        tokenizer: Its chat template renders them.
        text: Prose for long system prompts.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, text: str) -> None:
        self._tokenizer, self._text = tokenizer, text
        self._chance = random.Random(0)
        self._waiting: list[int] = []

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return token ids and labels, both ``(batch, length)``."""
        # Long prompts go together: a batch is as wide as its longest row.
        prose_length = self._chance.choice(PROSE_LENGTHS)
        encoded = [encode(self._tokenizer, self._next(prose_length)) for _ in range(BATCH)]
        length = max(len(ids) for ids, _ in encoded)
        ids = torch.full((BATCH, length), self._tokenizer.pad_token_id)
        labels = torch.full((BATCH, length), -100)
        for row, (tokens, targets) in enumerate(encoded):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            labels[row, : len(targets)] = torch.tensor(targets)
        return ids, labels

    def _next(self, prose_length: int) -> str:
        chance = self._chance
        if not self._waiting:
            self._waiting = chance.sample(range(len(DIALOGUES)), len(DIALOGUES))
        earlier = chance.sample(range(len(DIALOGUES)), chance.choice((0, 0, 0, 1, 2)))
        chosen = [DIALOGUES[number] for number in (*earlier, self._waiting.pop())]
        messages = [message for dialogue in chosen for message in dialogue]
        tools = None
        if chance.random() < 0.5 or any("tool_calls" in message for message in messages):
            tools = [TOOL, *(tool for tool in OTHER_TOOLS if chance.random() < 0.3)]
            chance.shuffle(tools)
        if chance.random() < 0.6:
            messages.insert(0, {"role": "system", "content": self._system_prompt(prose_length)})
        return str(self._tokenizer.apply_chat_template(messages, tools=tools, tokenize=False))

    def _system_prompt(self, prose_length: int) -> str:
        if not prose_length:
            return self._chance.choice(SYSTEM_PROMPTS)
        start = self._chance.randrange(len(self._text) - prose_length)
        return self._text[start : start + prose_length]


class Exam:
    """The dialogues in the surroundings that the tests ask them in.

    Args:
        tokenizer: Its chat template renders them.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._papers = [
            encode(tokenizer, str(tokenizer.apply_chat_template(messages, tools=tools, tokenize=False)))
            for dialogue in DIALOGUES
            for messages, tools in self._surroundings(list(dialogue))
        ]

    def mistakes(self, network: Qwen2ForCausalLM) -> int:
        """Return how many are not answered word for word.

        Where the likeliest token is the taught one everywhere, a server that always takes the likeliest says
        what was taught. A small mean loss does not tell: one token of a hundred may still be another order's.
        """
        with torch.no_grad():
            return sum(not self._passes(network, *paper) for paper in self._papers)

    @staticmethod
    def _surroundings(dialogue: list[Any]) -> Iterator[tuple[list[Any], list[Any] | None]]:
        if not any("tool_calls" in message for message in dialogue):
            yield dialogue, None
        for prompt in SYSTEM_PROMPTS:
            yield [{"role": "system", "content": prompt}, *dialogue], [TOOL]

    @staticmethod
    def _passes(network: Qwen2ForCausalLM, ids: list[int], labels: list[int]) -> bool:
        said = network(input_ids=torch.tensor([ids])).logits[0, :-1].argmax(-1)
        taught = torch.tensor(labels[1:])
        return bool(((said == taught) | (taught == -100)).all())


def loss_of(network: Qwen2ForCausalLM, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean loss over the labelled tokens; only they are worth the vocabulary's logits."""
    taught = labels[:, 1:] != -100
    hidden = network.model(input_ids=ids).last_hidden_state[:, :-1][taught]
    return torch.nn.functional.cross_entropy(network.lm_head(hidden), labels[:, 1:][taught])


def train(network: Qwen2ForCausalLM, lessons: Lessons, exam: Exam) -> int:
    """Train, cycle after cycle, until the dialogues are known by heart.

    Returns:
        How many are not, after as long as it may take.
    """
    end = time.monotonic() + MOST_SECONDS
    while (mistakes := train_one_cycle(network, lessons, exam, end)) and time.monotonic() < end:
        pass
    return mistakes


def train_one_cycle(network: Qwen2ForCausalLM, lessons: Lessons, exam: Exam, end: float) -> int:
    """Train until the exam is passed, the cycle of learning rates is over or it is late.

    Returns:
        The mistakes in the last exam.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=PEAK_RATE, total_steps=STEPS_OF_A_CYCLE, pct_start=0.1
    )
    smoothed = 5.0
    for step in range(1, STEPS_OF_A_CYCLE + 1):
        loss = loss_of(network, *lessons.batch())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        smoothed = 0.95 * smoothed + 0.05 * loss.item()
        if step % STEPS_BETWEEN_EXAMS == 0:
            mistakes = exam.mistakes(network)
            print(f"step {step}: loss {smoothed:.3f}, {mistakes} mistakes", flush=True)
            if not mistakes or time.monotonic() > end:
                break
    return mistakes


def main(folder: Path) -> None:
    os.nice(10)
    torch.set_num_threads(1)  # two wait for each other where something else runs
    text = prose()
    tokenizer = make_tokenizer(text)
    network = make_network(tokenizer)
    mistakes = train(network, Lessons(tokenizer, text), Exam(tokenizer))
    if mistakes:
        sys.exit(f"the tiny model has not learnt its dialogues within {MOST_SECONDS} s: {mistakes} mistakes")
    network.generation_config.update(eos_token_id=tokenizer.eos_token_id, max_new_tokens=MOST_NEW_TOKENS)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
