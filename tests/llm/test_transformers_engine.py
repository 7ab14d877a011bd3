from __future__ import annotations

import io
import json
import random
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.llm.tiny_vlm import CONTEXT, FAMILIES, make
from valex_local.errors import MissingExtra, ModelError
from valex_local.llm import ContextOverflow, Message, Picture, Token, load_language_model
from valex_local.llm.transformers import TransformersVlm
from valex_local.llm.transformers_sampling import TokenSampler
from valex_local.store import StoredModel
from valex_local.system.devices import Device

CPU = Device("cpu", 1)
SCHEMA = {
    "type": "object",
    "properties": {
        "refs": {"type": "array", "items": {"enum": ["S1", "S2"]}, "minItems": 1, "maxItems": 3},
        "why": {"type": "string", "maxLength": 6},
    },
    "required": ["refs", "why"],
    "additionalProperties": False,
}
MARKS = {
    "qwen": ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|image_pad|>", "<|endoftext|>", "<think>"],
    "llava": ["<s>", "</s>", "<image>", "<pad>", "<think>"],
    "idefics": [
        "<|im_start|>",
        "<end_of_utterance>",
        "<image>",
        "<row_1_col_1>",
        "<fake_token_around_image>",
        "<think>",
    ],
}


def picture(colour: str, kind: str = "PNG", size: tuple[int, int] = (48, 32)) -> Picture:
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, kind)
    return Picture(data.getvalue())


RED, BLUE = picture("red"), picture("blue", "JPEG")
QUESTION = [Message("system", "7 rules"), Message("user", "7 words")]
LOOK = [Message("user", ("7 first: ", RED, "7 then: ", BLUE))]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StoredModel]:
    return {family: make(family, tmp_path_factory.mktemp(family)) for family in FAMILIES}


@pytest.fixture(scope="session")
def loaded(saved: dict[str, StoredModel]) -> dict[str, Any]:
    return {family: load_language_model(model, CPU, context=4096) for family, model in saved.items()}


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def vlm(loaded: dict[str, TransformersVlm], family: str) -> TransformersVlm:
    return loaded[family]


@pytest.fixture
def altered(saved: dict[str, StoredModel], tmp_path: Path) -> Callable[..., StoredModel]:
    """Return a copy of a model, of its files only those kept, in some of them JSON values replaced."""

    def alter(family: str = "qwen", *, without: str = "", **replaced: dict[str, Any]) -> StoredModel:
        folder = tmp_path / "altered"
        shutil.copytree(saved[family].folder, folder, ignore=shutil.ignore_patterns(without) if without else None)
        for name, values in replaced.items():
            path = folder / f"{name}.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | values))
        return StoredModel(id="altered", role="llm", engine="transformers", folder=folder, digest="0" * 64)

    return alter


def load(model: StoredModel) -> TransformersVlm:
    return TransformersVlm(model, CPU, context=CONTEXT)


def first_odds(vlm: TransformersVlm, *parts: str | Picture) -> dict[str, float]:
    reply = vlm.chat([Message("user", parts)], max_tokens=1, alternatives=8)
    return dict(reply.tokens[0].alternatives)


def text_of(vlm: TransformersVlm, messages: list[Message]) -> str:
    ids = vlm.prompt(messages)["input_ids"][0]
    text: str = vlm._processor.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    return text


# --- the prompt -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pictures", [0, 2])
def test_the_prompt_is_the_models_own_chat_format(vlm: TransformersVlm, pictures: int) -> None:
    parts = [("7 first: ", RED), ("7 then: ", BLUE)][:pictures] or [("7 words",)]
    flat = [part for pair in parts for part in pair]
    entries = [{"type": "text", "text": part} if isinstance(part, str) else {"type": "image"} for part in flat]
    opened = [Image.open(io.BytesIO(part.data)).convert("RGB") for part in flat if isinstance(part, Picture)]
    text = vlm._processor.apply_chat_template([{"role": "user", "content": entries}], add_generation_prompt=True)
    expected = vlm._processor(
        text=[text], images=[opened] if opened else None, return_tensors="pt", add_special_tokens=False
    )
    prompt = vlm.prompt([Message("user", tuple(flat))])
    assert prompt.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(prompt[name], value), name


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_content_yields_a_mark(vlm: TransformersVlm, family: str, data: st.DataObject) -> None:
    bits = st.sampled_from(
        [*MARKS[family], "\ue1a0\ue1a1", "\ue1a00\ue1a1", "\ue1a01\ue1a1", "a", " ", "\n", "<", "é\0"]
    )
    contents = st.lists(bits | st.text(max_size=4), max_size=5).map("".join)
    rules, words, more = (data.draw(contents) for _ in range(3))
    plain = [Message("system", "7"), Message("user", ("8", RED, "9"))]
    hostile = [Message("system", rules), Message("user", (words, RED, more))]
    added = set(vlm._processor.tokenizer.added_tokens_decoder)

    def marks(messages: list[Message]) -> list[int]:
        return [token for token in vlm.prompt(messages)["input_ids"][0].tolist() if token in added]

    assert marks(hostile) == marks(plain)
    told = {"7": rules, "8": words, "9": more}
    assert text_of(vlm, hostile) == re.sub("[789]", lambda found: told[found[0]], text_of(vlm, plain))


def test_halves_of_characters_are_no_text(vlm: TransformersVlm) -> None:
    assert "a?b" in text_of(vlm, [Message("user", "a\ud800b")])


def test_parts_stand_side_by_side(vlm: TransformersVlm) -> None:
    one, two = [Message("user", "7 words")], [Message("user", ("7 wo", "", "rds"))]
    assert text_of(vlm, one) == text_of(vlm, two)
    assert vlm.count(two) == vlm.count([Message("user", "7 wo")]) + 1 + len("ds")  # "rds" has no piece of its own


def test_a_family_without_system_turn_is_told_in_the_users(loaded: dict[str, TransformersVlm]) -> None:
    assert text_of(loaded["llava"], QUESTION) == "<s>USER: 7 rules\n\n7 words ASSISTANT:"


def test_templates_that_know_only_text_take_text(altered: Callable[..., StoredModel]) -> None:
    model = altered()
    template = "{% for m in messages %}{{ '<|im_start|>' + m['content'] }}{% endfor %}{{ strftime_now('%Y') }}"
    (model.folder / "chat_template.jinja").write_text(template)
    vlm = load(model)
    assert text_of(vlm, [Message("user", ("a", "b"))]) == "<|im_start|>ab2024"  # and the day does not enter
    with pytest.raises(ModelError, match="does not accept the messages"):
        vlm.count(LOOK)


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{{ m['content'][0]['text'] }}{% endfor %}",
        # As LLaVA's own: pictures first.
        "{% for p in messages[0]['content'] %}{{ '<|image_pad|>' if p['type'] == 'image' }}{% endfor %}"
        "{% for p in messages[0]['content'] %}{{ p['text'] if p['type'] == 'text' }}{% endfor %}",
        "{{ raise_exception('never') }}",
        "{{ nothing.there }}",
    ],
)
def test_templates_that_lose_or_move_parts_are_refused(altered: Callable[..., StoredModel], template: str) -> None:
    model = altered()
    (model.folder / "chat_template.jinja").write_text(template)
    with pytest.raises(ModelError, match="chat template of the model does not accept the messages"):
        load(model).chat(LOOK, max_tokens=2)


# --- what it sees and says --------------------------------------------------------------------------------------------


def test_it_sees(vlm: TransformersVlm) -> None:
    assert vlm.sees
    red, blue = first_odds(vlm, RED, "colour?"), first_odds(vlm, BLUE, "colour?")
    assert red != blue
    assert red == first_odds(vlm, RED, "colour?")


def test_the_order_of_pictures_matters(vlm: TransformersVlm) -> None:
    asked = [
        first_odds(vlm, *parts) for parts in ((RED, BLUE, "x"), (BLUE, RED, "x"), (RED, "x", BLUE), ("x", RED, BLUE))
    ]
    assert all(one != other for one, other in pairwise(asked))


def test_it_takes_the_likeliest_token_by_the_model_alone(vlm: TransformersVlm) -> None:
    """The model itself, evaluated again for every token, without what its makers recommend for sampling."""
    reply = vlm.chat(QUESTION, max_tokens=10, alternatives=3)
    prompt = vlm.prompt(QUESTION)
    for token in reply.tokens:
        with torch.inference_mode():
            logits = vlm._model(**prompt).logits[0, -1].log_softmax(-1)
        best = int(logits[: vlm._vocabulary.size].argmax())
        likeliest = next(iter(token.alternatives.values()))
        assert likeliest == pytest.approx(float(logits[best]), abs=1e-4)
        assert vlm._vocabulary.piece(best).decode("utf-8", "replace") in token.alternatives
        for name in ("input_ids", "attention_mask", "mm_token_type_ids"):
            if name in prompt:
                last = torch.tensor([[{"input_ids": best, "attention_mask": 1}.get(name, 0)]])
                prompt[name] = torch.cat([prompt[name], last], dim=1)
    written = prompt["input_ids"][0, reply.prompt_tokens :].tolist()
    assert b"".join(map(vlm._vocabulary.piece, written)).decode("utf-8", "ignore") == reply.text.replace("\ufffd", "")


def test_tokens_make_the_answer_and_a_schema_leaves_the_odds_alone(vlm: TransformersVlm) -> None:
    free = vlm.chat(LOOK, max_tokens=30, alternatives=5)
    held = vlm.chat(LOOK, schema=SCHEMA, max_tokens=60, alternatives=5)
    for reply in (free, held):
        assert "".join(token.text for token in reply.tokens) == reply.text
        assert len(reply.tokens) == reply.output_tokens
        for token in reply.tokens:
            odds = list(token.alternatives.values())
            assert 1 <= len(odds) <= 5
            assert odds == sorted(odds, reverse=True)
            assert max(odds) < 0
    assert held.tokens[0].alternatives == free.tokens[0].alternatives
    assert held.tokens[0].text.startswith("{")
    assert vlm.chat(LOOK, max_tokens=3).tokens == ()


@pytest.mark.parametrize("temperature", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_schema_holds_the_answer(vlm: TransformersVlm, temperature: float, seed: int) -> None:
    reply = vlm.chat(LOOK, schema=SCHEMA, max_tokens=90, temperature=temperature, seed=seed)
    assert reply.finish_reason == "stop"
    data = json.loads(reply.text)
    assert list(data) == ["refs", "why"]
    assert 1 <= len(data["refs"]) <= 3
    assert set(data["refs"]) <= {"S1", "S2"}
    assert len(data["why"]) <= 6


def test_characters_of_several_tokens_come_whole(vlm: TransformersVlm) -> None:
    reply = vlm.chat(QUESTION, schema={"enum": ["é漢字 🎬"]}, max_tokens=40, alternatives=1)
    assert reply.text == '"é漢字 🎬"'
    assert "".join(token.text for token in reply.tokens) == reply.text
    assert "" in {token.text for token in reply.tokens}  # a token that ends inside a character says nothing yet


def test_a_schema_that_cannot_be_held_is_refused(vlm: TransformersVlm) -> None:
    with pytest.raises(ModelError, match="this schema is not supported"):
        vlm.chat(QUESTION, schema={"not": {"type": "string"}}, max_tokens=4)


def test_answers_do_not_hang_on_what_was_asked_before(vlm: TransformersVlm) -> None:
    asked = [
        lambda: vlm.chat(QUESTION, max_tokens=12, alternatives=4),
        lambda: vlm.chat(LOOK, max_tokens=12, alternatives=4),
        lambda: vlm.chat(LOOK, schema=SCHEMA, max_tokens=40, temperature=1.0, seed=3),
        lambda: vlm.chat(QUESTION, max_tokens=12, temperature=1.0, seed=5),
        lambda: vlm.chat([Message("user", (BLUE, "7"))], max_tokens=12, alternatives=4),
    ]
    first = [ask() for ask in asked]
    chance = random.Random(1)
    for _ in range(12):
        at = chance.randrange(len(asked))
        assert asked[at]() == first[at]
    torch.manual_seed(99)  # the numbers of the whole process play no part
    assert asked[3]() == first[3]
    assert vlm.chat(QUESTION, max_tokens=12, temperature=1.0, seed=6) != first[3]


def test_numbers_of_the_process_are_left_alone(vlm: TransformersVlm) -> None:
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    vlm.chat(QUESTION, max_tokens=4, temperature=1.0)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("messages", [QUESTION, LOOK, [*QUESTION, Message("assistant", "yes"), *LOOK]])
def test_it_counts_what_it_evaluates(vlm: TransformersVlm, messages: list[Message]) -> None:
    reply = vlm.chat(messages, max_tokens=2)
    assert vlm.count(messages) == reply.prompt_tokens == reply.evaluated_tokens
    assert reply.prompt_tokens == vlm.prompt(messages)["attention_mask"].sum()


def test_what_does_not_fit_is_refused_before_the_model_is_asked(
    vlm: TransformersVlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert vlm.context == CONTEXT  # not the 4096 asked for: it knows no more positions
    room = CONTEXT - vlm.count(QUESTION)
    asked: list[int] = []
    monkeypatch.setattr(vlm._model, "generate", lambda **given: asked.append(given["max_new_tokens"]))
    for messages, most in ((QUESTION, room + 1), ([Message("user", "7" * CONTEXT)], 1)):
        with pytest.raises(ContextOverflow, match=f"exceed the context of {CONTEXT}"):
            vlm.chat(messages, max_tokens=most)
    vlm.chat(QUESTION, max_tokens=room)
    assert asked == [room]


def test_a_cut_answer_says_so(vlm: TransformersVlm) -> None:
    reply = vlm.chat(LOOK, schema=SCHEMA, max_tokens=5)
    assert (reply.finish_reason, reply.output_tokens) == ("length", 5)
    whole = vlm.chat(LOOK, schema=SCHEMA, max_tokens=90)
    assert whole.text.startswith(reply.text)
    fits = vlm.chat(LOOK, schema=SCHEMA, max_tokens=whole.output_tokens)
    assert fits == whole
    assert fits.finish_reason == "stop"


def test_an_end_of_the_turn_ends_the_answer(vlm: TransformersVlm) -> None:
    """A model of noise ends some answers by itself; the mark says nothing and is not counted."""
    replies = (vlm.chat(QUESTION, max_tokens=200, temperature=5.0, seed=seed, alternatives=1) for seed in range(20))
    ended = next(reply for reply in replies if reply.finish_reason == "stop")
    assert ended.output_tokens == len(ended.tokens) < 200
    assert not any(mark in ended.text for mark in ("<|im_end|>", "</s>", "<end_of_utterance>"))


def test_marks_say_nothing_and_places_without_a_token_are_never_chosen(loaded: dict[str, TransformersVlm]) -> None:
    vocabulary = loaded["qwen"]._vocabulary
    mark = loaded["qwen"]._processor.image_token_id
    scores = torch.zeros(1, vocabulary.size + 11)
    scores[0, mark], scores[0, -1] = 5.0, 9.0
    writer = TokenSampler(vocabulary, None, temperature=0.0, seed=0, alternatives=1)
    assert writer(torch.tensor([[1]]), scores).argmax() == mark
    [token] = writer.tokens
    assert token == Token("", {"": pytest.approx(float(scores.log_softmax(-1)[0, mark]))})
    assert not writer.ended


def test_half_precision_as_on_a_card(saved: dict[str, StoredModel], family: str) -> None:
    vlm = load(saved[family])
    vlm._model.bfloat16()
    reply = vlm.chat(LOOK, schema=SCHEMA, max_tokens=90, alternatives=2)
    assert set(json.loads(reply.text)) == {"refs", "why"}
    assert reply == vlm.chat(LOOK, schema=SCHEMA, max_tokens=90, alternatives=2)


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_nothing_is_printed_and_nothing_fetched(
    saved: dict[str, StoredModel], family: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[Any] = []

    def reach(*where: Any, **_: Any) -> None:
        reached.append(where)
        raise OSError("no network here")

    monkeypatch.setattr(socket, "getaddrinfo", reach)
    monkeypatch.setattr(socket.socket, "connect", reach)
    model = load(saved[family])
    model.chat(LOOK, schema=SCHEMA, max_tokens=2, temperature=1.0)
    model.close()
    model.close()
    assert capfd.readouterr() == ("", "")
    assert reached == []


@pytest.mark.parametrize(
    ("without", "complaint"),
    [
        ("config.json", "has no config.json"),
        ("*.safetensors", "no weights in safetensors form"),
        ("chat_template.jinja", "no chat template"),
        ("processor_config.json", "no processor for pictures"),
        ("tokenizer.json", r"no tokenizer \(tokenizer\.json\)"),
    ],
)
def test_missing_files_are_named(altered: Callable[..., StoredModel], without: str, complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint) as caught:
        load(altered(without=without))
    assert caught.value.path is not None
    assert caught.value.hint is not None


def test_pickled_weights_are_not_read(altered: Callable[..., StoredModel], loaded: dict[str, TransformersVlm]) -> None:
    model = altered(without="*.safetensors")
    torch.save(loaded["qwen"]._model.state_dict(), model.folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="no weights in safetensors form"):
        load(model)


def test_broken_weights_are_named(altered: Callable[..., StoredModel]) -> None:
    model = altered()
    weights = model.folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelError, match="the model cannot be loaded"):
        load(model)


def test_weights_that_lack_a_tensor_are_refused(altered: Callable[..., StoredModel]) -> None:
    from safetensors.torch import load_file, save_file

    model = altered("llava")
    tensors = load_file(model.folder / "model.safetensors")
    lost = next(name for name in tensors if "multi_modal_projector" in name)
    del tensors[lost]
    save_file(tensors, model.folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"lack 1 tensors, .*multi_modal_projector"):
        load(model)


@pytest.mark.parametrize("kind", ["from_next_year", "llama"])
def test_architectures_that_are_none_of_ours(altered: Callable[..., StoredModel], kind: str) -> None:
    model = altered(config={"model_type": kind, "architectures": None})
    with pytest.raises(ModelError, match="the model cannot be loaded"):
        load(model)


def test_code_of_a_model_is_never_run(altered: Callable[..., StoredModel], tmp_path: Path) -> None:
    code = {"AutoConfig": "own.Own", "AutoModelForImageTextToText": "own.Own", "AutoProcessor": "own.Own"}
    model = altered(config={"model_type": "own", "auto_map": code}, processor_config={"auto_map": code})
    (model.folder / "own.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')\nclass Own: pass\n")
    with pytest.raises(ModelError, match="the model cannot be loaded"):
        load(model)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", RED.data[:60], BLUE.data[:200], b"GIF89a" + b"\0" * 40, b"\x89PNG\r\n\x1a\n" + b"\xff" * 99],
)
def test_broken_pictures_are_named(vlm: TransformersVlm, data: bytes) -> None:
    with pytest.raises(ModelError, match="a picture for the language model cannot be read"):
        vlm.chat([Message("user", (Picture(data), "x"))], max_tokens=2)


def test_a_picture_that_the_processor_refuses(loaded: dict[str, TransformersVlm]) -> None:
    with pytest.raises(ModelError, match="the processor of the model refuses the question"):
        loaded["qwen"].count([Message("user", (picture("red", size=(900, 2)), "x"))])


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "the GPU has too little memory"),
        (RuntimeError("device-side assert"), r"failed while it answered \(device-side assert\)"),
    ],
)
def test_a_breakdown_is_told(
    vlm: TransformersVlm, monkeypatch: pytest.MonkeyPatch, fault: Exception, complaint: str
) -> None:
    def fail(**_: Any) -> None:
        raise fault

    monkeypatch.setattr(vlm._model, "generate", fail)
    with pytest.raises(ModelError, match=complaint) as caught:
        vlm.chat(QUESTION, max_tokens=2)
    assert "smaller pictures" in str(caught.value)


def test_without_the_library_it_says_which_extra_brings_it(
    saved: dict[str, StoredModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(MissingExtra, match=r"valex_local\[llm\]"):
        load(saved["llava"])
