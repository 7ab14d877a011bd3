"""A language-model server asked for 1, 4 and 16 posts at once.

made    a server of the tests, which answers in a fixed time however much it is asked, as one with free slots does
real    that of llama-cpp-python, which works on one question after the other: nothing to gain, and nothing to lose

Both label texts with few shots through the engine, so the ratio is that of labelling, with its prompts and checks. It
is a program of its own, since the other benchmarks run without this machine's loopback:

    python -m benchmarks.server
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.environment import Environment
from benchmarks.fewshot import demo_scripts
from benchmarks.measure import Measurement, interleaved
from benchmarks.results import Check, Result
from tests.llm.llama_server import serving
from tests.llm.stub_server import Busy, Stub, playing
from tests.stages.labels.talk import short_values
from valex_local.corpus import Text
from valex_local.settings import make_settings
from valex_local.stages.base import Context
from valex_local.stages.labels.fewshot import FewshotRoute
from valex_local.store import Store, StoredModel
from valex_local.system.devices import Device, detect

AT_ONCE = (1, 4, 16)
SECONDS, POSTS = 0.2, 65
"""How long the made server takes for an answer; and how many posts it labels."""

BARS = {4: 3.0, 16: 6.0}
"""Wall time, one at a time / that many at once: the first post goes alone, and a batch ends with the last of it."""

NO_LOSS = 0.8


def server(env: Environment) -> Result:
    """Return the measurements of both servers."""
    values = short_values(env.scratch / "values.toml")
    made_posts = [f"post {number} did it alone" for number in range(POSTS)]
    real_posts = [text.splitlines()[-1] for text in demo_scripts()][:2]
    busy = Busy(seconds=SECONDS)
    with playing(Stub(chat=busy, room=8000)) as stub:
        made = _measured(_stored(stub.url), made_posts, values, env)
    with _real(env) as stored:
        real = _measured(stored, real_posts, values, env)
    facts = {"posts": len(made_posts), "real_posts": len(real_posts), "seconds": SECONDS, "most_in_flight": busy.most}
    costs = {f"{name}, {at} at once": m.cost for name, by in (("made", made), ("real", real)) for at, m in by.items()}
    return Result("server", costs, (*_checks(made, real),), facts)


def _checks(made: Mapping[int, Measurement[Any]], real: Mapping[int, Measurement[Any]]) -> Iterator[Check]:
    for at, bar in BARS.items():
        yield Check(f"made, wall time, 1 / {at} at once", made[1].cost.wall / made[at].cost.wall, bar)
    for at in BARS:
        yield Check(f"real, wall time, 1 / {at} at once", real[1].cost.wall / real[at].cost.wall, NO_LOSS)
    for name, by in (("made", made), ("real", real)):
        equal = [found == first for at in BARS for found, first in zip(by[at].output, by[1].output, strict=True)]
        yield Check(f"{name}, share of posts with equal labels", sum(equal) / len(equal), 1.0)


def _measured(
    stored: StoredModel, posts: Sequence[str], values: Path, env: Environment
) -> dict[int, Measurement[list[Any]]]:
    """Return the measurement for each number of posts at once; the server is tested before."""
    ways = {str(at): partial(_labels, _route(stored, values, at), posts) for at in AT_ONCE}
    return {int(at): found for at, found in interleaved(ways, rounds=env.rounds).items()}


def _route(stored: StoredModel, values: Path, requests: int) -> FewshotRoute:
    how = {"values": str(values), "context": 4096, "max_tokens": 512}
    settings = make_settings({"labels": {"fewshot": how}, "work": {"requests": requests}})
    return FewshotRoute(Context(settings, {"llm": stored}, Device("cpu", 1), "template.fewshot"))


def _labels(route: FewshotRoute, posts: Sequence[str]) -> list[Any]:
    """Return what the route gives for each post, in batches of its size as the executor passes them."""
    inputs = [route.prepare_text(Text(id=str(number), text=text)) for number, text in enumerate(posts)]
    size = route.batch_size
    results = [one for at in range(0, len(inputs), size) for one in route(inputs[at : at + size])]
    return [getattr(one, "values", one) for one in results]


def _stored(url: str) -> StoredModel:
    return StoredModel(id="server", role="llm", engine="server", folder=Path(), digest="0", options={"url": url})


@contextmanager
def _real(env: Environment) -> Iterator[StoredModel]:
    model = env.store.resolve(env.profile, {}, needed=["llm"])["llm"]
    with serving(model, env.scratch, context=4096, logits=False) as url:
        yield _stored(url)


def main() -> None:
    """Print costs, checks and facts as JSON."""
    with TemporaryDirectory() as scratch:
        result = server(Environment(Store(), detect("cpu"), Path(scratch), quick=True))
    sys.stdout.write(f"{json.dumps(result.as_json(), indent=1)}\n")


if __name__ == "__main__":
    main()
