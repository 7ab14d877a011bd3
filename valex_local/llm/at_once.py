"""Asking a language model for several posts at once, so that a server is kept busy.

A server works on several questions together for little more than the time of one. Each post is asked about in a thread
of its own, one question after the other, so that the questions of a post find its beginning in a server's cache. What
is asked does not depend on how many posts are asked about at once, and results come in the order of the posts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from valex_local.llm.base import LanguageModel

T = TypeVar("T")
R = TypeVar("R")

ROUNDS = 4
"""Posts of a batch for each question at once: at the end of a batch some wait for the last, and none is written yet."""


class AtOnce:
    """Calls a function for several posts at once, if the model takes several questions at once.

    Parameters
    ----------
    model : LanguageModel
        The model that the function asks.
    requests : int
        Maximum number of questions at once; see `Work.requests`.

    Attributes
    ----------
    batch_size : int
        How many posts to pass to a call. One if the model takes one question at a time: language models are slow, and
        the result of a post is to be written as soon as it is done.
    """

    def __init__(self, model: LanguageModel, requests: int) -> None:
        self._threads = requests if model.concurrent else 1
        self._warm = False
        self.batch_size = 1 if self._threads == 1 else ROUNDS * self._threads

    def __call__(self, ask: Callable[[T], R], inputs: Sequence[T]) -> list[R]:
        """Return what `ask` returns for each input, in order; the first input of all is asked about alone.

        What all questions begin with (rules, definitions, examples) is then in the server's cache when the others
        arrive together, so it is not evaluated once for each of them.
        """
        if self._threads == 1:
            return [ask(item) for item in inputs]
        first = [] if self._warm else [ask(item) for item in inputs[:1]]
        self._warm = True
        with ThreadPoolExecutor(self._threads, thread_name_prefix="ask") as pool:
            return [*first, *pool.map(ask, inputs[len(first) :])]
