"""What a sweep does when a batch breaks: it halves where memory ran out, and only what broke it fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.errors import InputError
from valex_local.pipeline.local_executor import _Calls


class Fits:
    """A stage in whose memory so many inputs fit; the input ``bad`` breaks it, whatever its company."""

    batch_size = 8

    def __init__(self, room, says="CUDA out of memory. Tried to allocate 2 GiB"):
        self.room, self.says, self.sizes = room, says, []

    def __call__(self, batch):
        self.sizes.append(len(batch))
        if len(batch) > self.room:
            raise RuntimeError(self.says)
        if "bad" in batch:
            raise ZeroDivisionError("oops")
        return [f"made of {item}" for item in batch]


def _called(stage, inputs):
    told = []
    calls = _Calls(stage, lambda old, new: told.append((old, new)))
    return calls, calls(inputs), told


def test_where_memory_runs_out_the_batch_is_halved_for_good():
    stage = Fits(room=3)
    calls, outputs, told = _called(stage, list("abcdefgh"))
    assert outputs == [f"made of {item}" for item in "abcdefgh"]
    assert told == [(8, 4), (4, 2)]
    assert calls.size == 2
    stage.sizes.clear()
    assert calls(list("xyz")) == [f"made of {item}" for item in "xyz"]
    assert stage.sizes == [2, 1]


@pytest.mark.parametrize(
    "says", ["CUDA failed with error out of memory", "Failed to allocate memory for requested buffer", "std::bad_alloc"]
)
def test_every_engines_words_for_it_are_known(says):
    assert _called(Fits(room=1, says=says), ["a", "b"])[2] == [(2, 1)]


def test_one_post_that_does_not_fit_alone_fails_and_says_what_to_do():
    _, (error,), told = _called(Fits(room=0), ["a"])
    assert isinstance(error, InputError)
    assert "memory ran out" in error.what
    assert "--device cpu" in error.hint
    assert told == []


def test_another_error_halves_nothing_for_good():
    calls, outputs, told = _called(Fits(room=8), ["a", "bad", "c", "d"])
    assert [str(output) for output in outputs] == ["made of a", "oops", "made of c", "made of d"]
    assert (calls.size, told) == (8, [])


@given(st.lists(st.sampled_from(["a", "b", "bad"]), max_size=20), st.integers(1, 8))
def test_each_input_has_its_own_outcome_in_order(inputs, room):
    _, outputs, _ = _called(Fits(room), inputs)
    assert [str(o) for o in outputs] == ["oops" if i == "bad" else f"made of {i}" for i in inputs]


def test_how_full_the_batches_were_is_counted():
    calls, _, _ = _called(Fits(room=8), list("abcdefghij"))
    assert (calls.calls, calls.items, calls.fill) == (2, 10, 0.625)
    assert _called(Fits(room=8), [])[0].fill is None
