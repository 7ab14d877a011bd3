from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.tiny import load, network, options, same, save_encoder, sentences
from valex_local.errors import ConfigError
from valex_local.training import trainer
from valex_local.training.network import Batch, LabelNetwork
from valex_local.training.trainer import positive_weights, predict_logits, train

COUNT, OUTPUTS = 18, 2
TEXTS = sentences(COUNT, seed=1)


class Cut(Exception):
    """The process is gone."""


def truth(*, gaps: bool = False, outputs: int = OUTPUTS) -> np.ndarray:
    random = np.random.default_rng(7)
    held = random.integers(0, 2, (COUNT, outputs)).astype(float)
    if gaps:
        held[random.random(held.shape) < 0.3] = np.nan
    return held


def windows(folder: Path, texts: Sequence[str] = TEXTS) -> list[list[list[int]]]:
    encoder = load(folder)
    return [encoder.windows(text) for text in texts]


def weights(made: LabelNetwork) -> dict[str, torch.Tensor]:
    """Return everything that can learn, and nothing that each load fills with noise."""
    return {n: p.detach().clone() for n, p in made.named_parameters() if "pooler" not in n}


def trained(
    folder: Path,
    work: Path,
    *,
    seed: int = 0,
    held: np.ndarray | None = None,
    outputs: int = OUTPUTS,
    say: Callable[[str], None] = lambda _: None,
    texts: Sequence[str] = TEXTS,
    **changes: Any,
) -> LabelNetwork:
    given = options(**changes)
    torch.manual_seed(seed)
    made = LabelNetwork(load(folder), outputs, given)
    inputs: Any = load(folder).vectors(texts) if given.mode == "frozen" else windows(folder, texts)
    held = truth(outputs=outputs) if held is None else held
    train(made, inputs, held, given, seed=seed, folder=work, say=say)
    return made


@pytest.fixture(scope="module")
def steady_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder that drops nothing: what it computes depends on its weights alone."""
    return save_encoder(tmp_path_factory.mktemp("steady") / "tiny", dropout=0.0)


@pytest.mark.parametrize("mode", ["frozen", "lora", "full"])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    encoder_folder: Path, tmp_path: Path, mode: str
) -> None:
    one, again, other = (
        weights(trained(encoder_folder, tmp_path / name, seed=seed, mode=mode))
        for name, seed in (("one", 0), ("again", 0), ("other", 1))
    )
    assert same(one, again)
    assert not same(one, other)


@pytest.mark.parametrize("moment", ["before the state is kept", "after it was kept"])
@pytest.mark.parametrize(
    ("mode", "average", "precision"),
    [("full", 0.0, "fp32"), ("full", 0.9, "fp32"), ("lora", 0.9, "fp32"), ("frozen", 0.0, "fp32"),
     ("full", 0.9, "bf16")],
)  # fmt: skip
def test_an_interrupted_training_ends_as_it_would_have(
    encoder_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    average: float,
    precision: str,
    moment: str,
) -> None:
    changes: dict[str, Any] = {"mode": mode, "average": average, "precision": precision, "epochs": 3}
    expected = weights(trained(encoder_folder, tmp_path / "whole", **changes))
    kept = trainer._Run.save
    for epoch in (1, 2):
        work = tmp_path / f"cut after {epoch}"
        said: list[str] = []

        def say(text: str, *, said: list[str] = said, epoch: int = epoch) -> None:
            said.append(text)
            if moment.startswith("before") and len(said) == epoch:
                raise Cut

        def save(run: Any, state: Path, epochs: int, *, epoch: int = epoch) -> None:
            kept(run, state, epochs)
            if epochs == epoch:
                raise Cut

        with monkeypatch.context() as patch:
            if moment.startswith("after"):
                patch.setattr(trainer._Run, "save", save)
            with pytest.raises(Cut):
                trained(encoder_folder, work, say=say, **changes)
        torch.manual_seed(99)
        torch.rand(5)
        np.random.seed(99)
        heard: list[str] = []
        found = weights(trained(encoder_folder, work, say=heard.append, **changes))
        assert same(expected, found)
        done = epoch if moment.startswith("after") else epoch - 1
        assert [text.partition(":")[0] for text in heard] == [f"epoch {e + 1} of 3" for e in range(done, 3)]
        assert not work.exists()


def test_half_a_state_is_not_gone_on_from(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = weights(trained(encoder_folder, tmp_path / "whole"))
    write = Path.write_text

    def cut(path: Path, *given: Any) -> int:
        if path.name == "epoch.json":
            raise Cut
        return write(path, *given)

    work = tmp_path / "work"
    with monkeypatch.context() as patch, pytest.raises(Cut):
        patch.setattr(Path, "write_text", cut)
        trained(encoder_folder, work)
    assert not list(work.rglob("state*")), "half a state is not kept"
    (work / ".state.part").mkdir()  # as a killed process leaves it
    heard: list[str] = []
    assert same(expected, weights(trained(encoder_folder, work, say=heard.append)))
    assert len(heard) == 3


@pytest.mark.parametrize("mode", ["frozen", "lora", "full"])
def test_only_what_learns_is_kept(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    from safetensors.torch import load_file

    kept = trainer._Run.save

    def save(run: Any, state: Path, epochs: int) -> None:
        kept(run, state, epochs)
        raise Cut

    monkeypatch.setattr(trainer._Run, "save", save)
    with pytest.raises(Cut):
        trained(encoder_folder, tmp_path, mode=mode)
    (path,) = tmp_path.rglob("model.safetensors")
    made = LabelNetwork(load(encoder_folder), OUTPUTS, options(mode=mode))
    assert set(load_file(path)) == {name for name, p in made.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("gaps", [False, True], ids=["all said", "with gaps"])
def test_small_steps_add_up_to_large_ones(steady_folder: Path, tmp_path: Path, gaps: bool) -> None:
    changes: dict[str, Any] = {"dropout": 0.0, "batch": 6, "learning_rate": 1e-3, "held": truth(gaps=gaps)}
    large = weights(trained(steady_folder, tmp_path / "large", step_tokens=8192, **changes))
    small = weights(trained(steady_folder, tmp_path / "small", step_tokens=64, **changes))
    assert not same(large, small), "they are computed otherwise"
    for name, tensor in large.items():
        # The biases of keys have no gradient but rounding, which Adam makes as large as any other.
        assert torch.allclose(tensor, small[name], atol=1e-4 if name.endswith("key.bias") else 1e-5), name
    before = weights(LabelNetwork(load(steady_folder), OUTPUTS, options()))
    assert max(float((large[name] - before[name]).abs().max()) for name in large) > 1e-3


def test_what_nobody_said_of_an_output_teaches_nothing(steady_folder: Path, tmp_path: Path) -> None:
    held = truth()
    column = np.full((COUNT, 1), np.nan)
    with_it = trained(steady_folder, tmp_path / "with", held=np.hstack([held, column]), outputs=3, dropout=0.0)
    without = trained(steady_folder, tmp_path / "without", held=held, dropout=0.0)
    assert not with_it.head.weight[2].any()
    assert not with_it.head.bias[2].any()
    assert with_it.head.weight[:2].any()
    assert torch.allclose(with_it.head.weight[:2], without.head.weight, atol=1e-5)


def test_a_gap_is_no_absence(steady_folder: Path, tmp_path: Path) -> None:
    held = truth()
    gaps = held.copy()
    gaps[::3, 0] = np.nan
    zeros = np.nan_to_num(gaps)
    one, other = (
        trained(steady_folder, tmp_path / name, held=said, dropout=0.0, class_weights="none")
        for name, said in (("gaps", gaps), ("zeros", zeros))
    )
    assert not torch.equal(one.head.weight[0], other.head.weight[0])


def test_a_batch_of_which_nothing_is_known_does_no_harm(encoder_folder: Path, tmp_path: Path) -> None:
    heard: list[str] = []
    made = trained(encoder_folder, tmp_path, held=np.full((COUNT, OUTPUTS), np.nan), say=heard.append)
    assert all(torch.isfinite(tensor).all() for tensor in weights(made).values())
    assert not made.head.weight.any()
    assert heard[-1].endswith("loss 0.0000")


def test_the_loss_that_is_said_is_the_mean_cross_entropy(steady_folder: Path, tmp_path: Path) -> None:
    heard: list[str] = []
    held = truth(gaps=True)
    trained(
        steady_folder, tmp_path, held=held, say=heard.append, epochs=1, batch=COUNT, dropout=0.0, class_weights="sqrt"
    )
    # The head begins at nothing: every probability is a half.
    positive = positive_weights(held, "sqrt")
    each = np.log(2) * np.where(held == 1, positive, 1.0)
    assert float(heard[0].split()[-1]) == pytest.approx(each[~np.isnan(held)].mean(), abs=1e-4)


@pytest.mark.parametrize(("kind", "power"), [("none", 0), ("sqrt", 0.5), ("balanced", 1)])
def test_positives_weigh_by_how_rare_they_are(kind: str, power: float) -> None:
    held = np.zeros((10, 4))
    held[:2, 0] = held[:8, 1] = 1
    held[4:, 2] = np.nan
    held[0, 2] = 1
    found = positive_weights(held, kind)
    assert found[:3] == pytest.approx([(8 / 2) ** power, (2 / 8) ** power, (3 / 1) ** power])
    assert found[3] == pytest.approx(10**power), "no positives: as though there were one"


def test_an_output_that_always_holds_keeps_some_weight() -> None:
    for kind in ("none", "sqrt", "balanced"):
        assert 0 < positive_weights(np.ones((5, 1)), kind)[0] <= 1


def test_weights_of_positives_reach_the_network(steady_folder: Path, tmp_path: Path) -> None:
    held = np.zeros((COUNT, 1))
    held[:3] = 1
    means = []
    for kind in ("none", "sqrt", "balanced"):
        made = trained(
            steady_folder, tmp_path / kind, held=held, outputs=1, class_weights=kind, dropout=0.0, mode="frozen",
            epochs=40, head_learning_rate=3e-2,
        )  # fmt: skip
        means.append(predict_logits(made, windows(steady_folder), options()).mean())
    assert means[0] < means[1] < means[2]


def test_precisions_can_be_changed_in_one_process(encoder_folder: Path, tmp_path: Path) -> None:
    found = [
        weights(trained(encoder_folder, tmp_path / str(i), precision=precision))
        for i, precision in enumerate(["fp32", "bf16", "fp32", "bf16"])
    ]
    assert same(found[0], found[2])
    assert same(found[1], found[3])
    assert not same(found[0], found[1])
    for name, tensor in found[0].items():
        assert tensor.dtype == found[1][name].dtype == torch.float32
        assert torch.allclose(tensor, found[1][name], atol=0.1), name


def test_half_precision_is_not_left_out_without_a_word(encoder_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fp16 works only on a GPU"):
        trained(encoder_folder, tmp_path, precision="fp16")


def test_judging_is_in_full_precision_whatever_learning_was_in(encoder_folder: Path, tmp_path: Path) -> None:
    made = trained(encoder_folder, tmp_path / "work", precision="bf16").eval()
    fresh = network(encoder_folder, OUTPUTS, options())
    fresh.load_state_dict(made.state_dict())
    inputs = windows(encoder_folder)
    assert np.array_equal(predict_logits(made, inputs, options()), predict_logits(fresh, inputs, options()))


def test_a_running_mean_is_another_and_judges(encoder_folder: Path, tmp_path: Path) -> None:
    last = weights(trained(encoder_folder, tmp_path / "last", average=0.0, epochs=6))
    mean = weights(trained(encoder_folder, tmp_path / "mean", average=0.9, epochs=6))
    before = weights(LabelNetwork(load(encoder_folder), OUTPUTS, options()))

    def moved(found: dict[str, torch.Tensor]) -> float:
        return sum(float((found[name] - before[name]).norm()) ** 2 for name in found)

    assert 0 < moved(mean) < moved(last)


def test_the_running_mean_follows_its_formula() -> None:
    made = torch.nn.Linear(1, 1)
    mean = trainer._RunningMean(made, 0.9)  # type: ignore[arg-type]
    values, decays = [3.0, -1.0, 8.0], [2 / 11, 3 / 12, 4 / 13]
    expected = float(made.weight.detach())
    for value, decay in zip(values, decays, strict=True):
        torch.nn.init.constant_(made.weight, value)
        mean.update(made)  # type: ignore[arg-type]
        expected = decay * expected + (1 - decay) * value
    mean.apply(made)  # type: ignore[arg-type]
    assert float(made.weight.detach()) == pytest.approx(expected, abs=1e-6)
    for _ in range(200):
        mean.update(made)  # type: ignore[arg-type]
    assert mean.state_dict()["steps"] == 203


class Spy:
    """Notes which texts, known by their first token ids, come together."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.parts: list[list[Any]] = []
        make = Batch.of

        def of(inputs: Sequence[Any]) -> Batch:
            self.parts.append(list(inputs))
            return make(inputs)

        monkeypatch.setattr(Batch, "of", of)

    def epochs(self, count: int) -> list[list[list[Any]]]:
        """Return the parts of each epoch."""
        size = len(self.parts) // count
        return [self.parts[at : at + size] for at in range(0, len(self.parts), size)]


def test_every_text_comes_once_an_epoch_beside_texts_of_like_length(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [" ".join(["tea"] * (i + 1)) for i in range(14)]
    spy = Spy(monkeypatch)
    trained(encoder_folder, tmp_path, texts=texts, held=np.ones((14, 1)), outputs=1, mode="full", batch=4, epochs=3)
    orders = []
    for epoch in spy.epochs(3):
        lengths = [[len(text[0]) for text in part] for part in epoch]
        assert sorted(length for part in lengths for length in part) == list(range(3, 17))
        assert sorted(map(len, lengths)) == [2, 4, 4, 4]
        assert all(max(part) - min(part) == len(part) - 1 for part in lengths), "sorted by length, then cut"
        orders.append(tuple(map(tuple, lengths)))
    assert len(set(orders)) > 1, "the batches come in a new order"


def test_no_more_tokens_are_computed_at_once_than_allowed(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(monkeypatch)
    texts = [*sentences(20, seed=5, longest=4), *sentences(8, seed=6, longest=60), " ".join(["tea"] * 200)]
    made = trained(
        encoder_folder, tmp_path, texts=texts, held=np.ones((29, 1)), outputs=1, batch=29, step_tokens=80, epochs=1
    )
    learnt = len(spy.parts)
    predict_logits(made, windows(encoder_folder, texts), options(step_tokens=80, batch=29))
    assert learnt > 1
    assert len(spy.parts) > learnt + 1
    for part in spy.parts:
        every = [ids for text in part for ids in text]
        assert len(every) * max(map(len, every)) <= 80 or len(part) == 1
    assert sum(map(len, spy.parts[:learnt])) == sum(map(len, spy.parts[learnt:])) == len(texts)


def test_judging_keeps_the_order_and_does_not_hang_on_batches(encoder_folder: Path) -> None:
    made = network(encoder_folder, OUTPUTS, options())
    inputs = windows(encoder_folder)
    alone = predict_logits(made, inputs, options(batch=1))
    together = predict_logits(made, inputs, options(batch=8))
    with torch.inference_mode():
        made.eval()
        expected = torch.cat([made(Batch.of([one])) for one in inputs]).numpy()
    assert alone == pytest.approx(expected, abs=1e-6)
    assert together == pytest.approx(alone, abs=1e-5)
    assert predict_logits(made, [], options()).shape == (0, OUTPUTS)


def test_the_rate_rises_and_falls_to_nothing(encoder_folder: Path, tmp_path: Path) -> None:
    rates: list[float] = []
    step = torch.optim.AdamW.step

    def noted(optimiser: Any, *given: Any, **more: Any) -> Any:
        rates.append(optimiser.param_groups[-1]["lr"])
        return step(optimiser, *given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", noted)
        trained(encoder_folder, tmp_path, mode="frozen", batch=2, epochs=10, warmup=0.2, head_learning_rate=0.1)
    steps = 10 * COUNT // 2
    assert len(rates) == steps
    top = int(np.argmax(rates))
    assert top in range(int(0.2 * steps) - 2, int(0.2 * steps) + 1)
    assert rates[0] < 0.1 / 15
    assert 0 < rates[-1] < 0.1 / 50
    assert all(np.diff(rates[: top + 1]) > 0)
    assert all(np.diff(rates[top:]) < 0)
    assert max(rates) <= 0.1


def test_what_can_be_learnt_is_learnt(encoder_folder: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    texts = sentences(60, seed=9, longest=30)
    held = np.array([[float("zebra" in text.split())] for text in texts])
    rows = random.permutation(60)
    made = trained(
        encoder_folder, tmp_path, texts=[texts[r] for r in rows[:45]], held=held[rows[:45]], outputs=1, epochs=25,
        batch=8, mode="full", average=0.9,
    )  # fmt: skip
    logits = predict_logits(made, windows(encoder_folder, [texts[r] for r in rows[45:]]), options())
    assert ((logits > 0) == (held[rows[45:]] == 1)).mean() > 0.85


def test_what_a_training_leaves_is_freed_before_the_next_begins(encoder_folder: Path, tmp_path: Path) -> None:
    import gc
    import weakref

    made = network(encoder_folder, OUTPUTS, options())
    optimisers: list[weakref.ref[torch.optim.Optimizer]] = []
    left: list[bool] = []
    begin = torch.optim.AdamW.__init__

    def noted(optimiser: Any, *given: Any, **more: Any) -> None:
        left.extend(optimiser() is not None for optimiser in optimisers)
        optimisers.append(weakref.ref(optimiser))
        begin(optimiser, *given, **more)

    gc.disable()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.optim.AdamW, "__init__", noted)
            for name in ("one", "two"):
                train(made, windows(encoder_folder), truth(), options(epochs=1), seed=0, folder=tmp_path / name)
    finally:
        gc.enable()
    assert left == [False]
