"""A server is asked for several posts at once; what it is asked, and what comes of it, is the same as one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.llm.llama_server import serving
from tests.llm.stub_server import Busy, Stub, playing
from tests.stages.labels.talk import Parrot, short_values
from valex_local.corpus import Text
from valex_local.errors import ModelError, ValexError
from valex_local.llm import Message, load_language_model
from valex_local.llm.at_once import ROUNDS, AtOnce
from valex_local.settings import make_settings
from valex_local.stages.base import Context
from valex_local.stages.labels.fewshot import FewshotRoute
from valex_local.stages.labels.routes import LabelResult
from valex_local.store import StoredModel
from valex_local.system.devices import Device

AT_ONCE = 4
WAIT = 20
TEXTS = ["the very first did it", *(f"post number {n} says that it did it with {n} friends" for n in range(1, 13))]


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return short_values(tmp_path_factory.mktemp("values") / "values.toml")


def stored(url: str) -> StoredModel:
    return StoredModel(id="ours", role="llm", engine="server", folder=Path(), digest="0", options={"url": url})


def asked(url: str, texts: Sequence[str], values: Path, *, requests: int) -> list[LabelResult | ValexError]:
    """Return the labels of texts, passed to the route in batches of its size as the executor does."""
    how = {"values": str(values), "context": 4096, "max_tokens": 512}
    settings = make_settings({"labels": {"fewshot": how}, "work": {"requests": requests}})
    route = FewshotRoute(Context(settings, {"llm": stored(url)}, Device("cpu", 1), "template.fewshot"))
    inputs = [route.prepare_text(Text(id=str(n), text=text)) for n, text in enumerate(texts)]
    size = route.batch_size
    return [result for at in range(0, len(inputs), size) for result in route(inputs[at : at + size])]


def labelled(busy: Busy, texts: Sequence[str], values: Path, *, requests: int) -> tuple[list[Any], list[str]]:
    """Return the labels that a server gives, and the questions it was asked, sorted."""
    with playing(Stub(chat=busy, room=8000)) as stub:
        found = asked(stub.url, texts, values, requests=requests)
        return found, sorted(str(body["messages"]) for body in stub.bodies if "$defs" in str(body))


def test_as_many_posts_are_in_flight_as_the_setting_says_and_the_first_goes_alone(values: Path) -> None:
    # Answers but the first wait until four are there, so fewer at once would end in an error.
    busy = Busy(meet=threading.Barrier(AT_ONCE, timeout=WAIT))
    together, questions = labelled(busy, TEXTS, values, requests=AT_ONCE)
    assert busy.most == AT_ONCE
    one = Busy()
    in_turn, same_questions = labelled(one, TEXTS, values, requests=1)
    assert one.most == 1
    assert questions == same_questions
    assert together == in_turn
    assert len({result.values for result in in_turn if isinstance(result, LabelResult)}) == len(TEXTS)


def test_a_request_that_fails_fails_its_post_alone(values: Path) -> None:
    texts = [*TEXTS[:5], "poison", *TEXTS[5:]]
    found, _ = labelled(Busy(), texts, values, requests=AT_ONCE)
    (bad,) = (result for result in found if isinstance(result, ValexError))
    assert found.index(bad) == 5
    assert "this one breaks me" in str(bad)
    assert [result for result in found if result is not bad] == labelled(Busy(), TEXTS, values, requests=1)[0]


def test_a_server_that_is_gone_fails_each_post_and_says_so(values: Path) -> None:
    with playing(Stub(chat=Busy(), room=8000)) as stub:
        settings = make_settings({"labels": {"fewshot": {"values": str(values)}}})
        route = FewshotRoute(Context(settings, {"llm": stored(stub.url)}, Device("cpu", 1), "template.fewshot"))
    results = route([route.prepare_text(Text(id=str(n), text=text)) for n, text in enumerate(TEXTS)])
    assert [type(result) for result in results] == [ModelError] * len(TEXTS)
    assert all("no server answers" in str(result) for result in results)


@pytest.mark.parametrize(("concurrent", "requests", "size"), [(True, 3, 3 * ROUNDS), (True, 1, 1), (False, 3, 1)])
def test_only_a_model_that_takes_several_questions_is_asked_them(concurrent: bool, requests: int, size: int) -> None:
    parrot = Parrot(lambda *_: "")
    parrot.concurrent = concurrent  # type: ignore[misc]
    at_once = AtOnce(parrot, requests)
    threads = set(at_once(lambda _: threading.current_thread(), range(20)))
    assert at_once.batch_size == size
    assert (threads == {threading.main_thread()}) is (size == 1)
    assert at_once(lambda number: number * 2, range(20)) == [number * 2 for number in range(20)]


@pytest.mark.slow
def test_a_real_server_gives_equal_answers(stored_model: Callable[[str], StoredModel], tmp_path: Path) -> None:
    questions = [[Message("user", f"Name {n} things in a {place}.")] for n, place in enumerate(("kitchen", "park"), 2)]
    with serving(stored_model("smollm2-135m-instruct"), tmp_path, context=512, logits=False) as url:
        server = load_language_model(stored(url), Device("cpu", 1), context=512)
        in_turn, together = (
            AtOnce(server, requests)(lambda question: server.chat(question, max_tokens=8), 3 * questions)
            for requests in (1, AT_ONCE)
        )
    assert together == in_turn
    assert in_turn[0].text != in_turn[1].text
