import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valex_local.evaluation.thresholds import tune
from valex_local.training.calibrate import COMMON_WEIGHT, calibrate, sigmoid


def made(
    rng: np.random.Generator, count: int, *, shift: float = 0.0, scale: float = 1.0, share: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    """Return logits that are `scale` times too large and `shift` too high, and a truth drawn from the right ones."""
    right = rng.normal(np.log(share / (1 - share)), 1.5, count)
    truth = (rng.random(count) < sigmoid(right)).astype(float)
    return right * scale + shift, truth


def log_loss(probabilities: np.ndarray, truth: np.ndarray) -> float:
    held = np.clip(probabilities, 1e-9, 1 - 1e-9)
    return float(-np.mean(truth * np.log(held) + (1 - truth) * np.log(1 - held)))


columns = st.lists(
    st.tuples(st.floats(-30, 30, width=32), st.sampled_from([0.0, 0.0, 1.0, np.nan])), min_size=1, max_size=30
)


@settings(max_examples=60, deadline=None)
@given(columns)
def test_texts_keep_their_order_and_thresholds_are_probabilities(drawn: list[tuple[float, float]]) -> None:
    logits, truth = (np.array(column)[:, None] for column in zip(*drawn, strict=True))
    found = calibrate(logits, truth)
    assert (found.slopes > 0).all()
    assert np.isfinite([found.slopes, found.intercepts, found.thresholds]).all()
    assert ((found.thresholds >= 0) & (found.thresholds <= 1)).all()
    order = np.argsort(logits[:, 0])
    assert (np.diff(found.probabilities(logits)[order, 0]) >= 0).all()


@pytest.mark.parametrize(("shift", "scale"), [(2.0, 1.0), (0.0, 4.0), (-1.5, 0.2), (3.0, 5.0)])
def test_what_is_miscalibrated_is_mended(shift: float, scale: float) -> None:
    rng = np.random.default_rng(1)
    logits, truth = made(rng, 400, shift=shift, scale=scale)
    others, of_others = made(rng, 4000, shift=shift, scale=scale)
    found = calibrate(logits[:, None], truth[:, None])
    before = log_loss(sigmoid(others), of_others)
    after = log_loss(found.probabilities(others[:, None])[:, 0], of_others)
    right = log_loss(sigmoid((others - shift) / scale), of_others)
    assert after < before - 0.01
    assert after < right + 0.02
    assert found.slopes[0] == pytest.approx(1 / scale, rel=0.4)


def test_what_separates_perfectly_is_not_taken_for_certain() -> None:
    logits = np.array([-3.0, -2.0, -1.0, 1.0, 2.0])[:, None]
    truth = np.array([0.0, 0.0, 0.0, 1.0, 1.0])[:, None]
    probabilities = calibrate(logits, truth).probabilities(logits)[:, 0]
    # Platt's targets are (2 + 1) / (2 + 2) for positives and 1 / (3 + 2) for negatives; a fit by likelihood meets their
    # sum, and that of their products with the logits.
    targets = np.where(truth[:, 0] == 1, 3 / 4, 1 / 5)
    assert probabilities.sum() == pytest.approx(targets.sum(), abs=1e-3)
    assert probabilities @ logits[:, 0] == pytest.approx(targets @ logits[:, 0], abs=1e-3)


def test_logits_that_say_the_opposite_are_not_turned_round() -> None:
    logits = np.linspace(-2, 2, 40)[:, None]
    truth = (logits < 0).astype(float)
    found = calibrate(logits, truth)
    assert found.slopes[0] == 1.0
    assert found.probabilities(logits).mean() == pytest.approx(0.5, abs=0.02)


def test_each_output_is_calibrated_by_itself() -> None:
    rng = np.random.default_rng(2)
    columns = [made(rng, 300, shift=shift) for shift in (-2.0, 0.0, 3.0)]
    logits, truth = (np.stack(parts, axis=1) for parts in zip(*columns, strict=True))
    together = calibrate(logits, truth)
    for column in range(3):
        alone = calibrate(logits[:, [column]], truth[:, [column]])
        assert together.slopes[column] == alone.slopes[0]
        assert together.intercepts[column] == alone.intercepts[0]


def test_what_nobody_said_does_not_count() -> None:
    rng = np.random.default_rng(3)
    first, second = made(rng, 100), made(rng, 100, shift=1.0)
    logits = np.stack([first[0], second[0]], axis=1)
    truth = np.stack([first[1], second[1]], axis=1)
    gaps = truth.copy()
    gaps[60:, 1] = np.nan
    misleading = logits.copy()
    misleading[60:, 1] = 50.0
    found, without = calibrate(misleading, gaps), calibrate(logits[:60, [1]], truth[:60, [1]])
    assert found.slopes[1] == without.slopes[0]
    assert found.intercepts[1] == without.intercepts[0]
    assert np.array_equal(found.thresholds, calibrate(np.where(np.isnan(gaps), -50, misleading), gaps).thresholds)


def test_a_threshold_with_few_positives_leans_on_the_common_one() -> None:
    rng = np.random.default_rng(4)
    many, of_many = made(rng, 600, share=0.4)
    few = np.full(600, -4.0)
    of_few = np.zeros(600)
    few[:5], of_few[:2] = 4.0, 1.0  # two positives, the first of five with a high logit
    logits, truth = np.stack([many, few], axis=1), np.stack([of_many, of_few], axis=1)
    found = calibrate(logits, truth)
    probabilities = found.probabilities(logits)
    common = tune(probabilities.ravel(), truth.ravel())
    for column in range(2):
        own, positives = tune(probabilities[:, column], truth[:, column]), truth[:, column].sum()
        weight = positives / (positives + COMMON_WEIGHT)
        assert found.thresholds[column] == pytest.approx(weight * own + (1 - weight) * common)
    assert abs(found.thresholds[1] - common) < abs(tune(probabilities[:, 1], of_few) - common)


def test_an_output_without_positives_takes_the_common_threshold() -> None:
    rng = np.random.default_rng(5)
    logits, truth = made(rng, 200)
    nothing = np.zeros(200)
    found = calibrate(np.stack([logits, logits], axis=1), np.stack([truth, nothing], axis=1))
    assert found.slopes[1] == 1.0
    assert found.probabilities(np.stack([logits, logits], axis=1))[:, 1].mean() == pytest.approx(1 / 202)
    probabilities = np.concatenate([found.probabilities(np.stack([logits, logits], axis=1)).T.ravel()])
    assert found.thresholds[1] == pytest.approx(tune(probabilities, np.concatenate([truth, nothing])))


@pytest.mark.parametrize(
    ("truth", "share"), [(np.zeros((5, 2)), 1 / 7), (np.full((5, 2), np.nan), None)], ids=["never", "nobody said"]
)
def test_without_any_positive_nothing_is_tuned(truth: np.ndarray, share: float | None) -> None:
    logits = np.random.default_rng(6).normal(size=(5, 2))
    found = calibrate(logits, truth)
    assert found.slopes.tolist() == [1, 1]
    if share is None:
        assert found.intercepts.tolist() == [0, 0]
    else:
        assert found.probabilities(logits).mean(axis=0) == pytest.approx([share, share])
    assert found.thresholds.tolist() == [0.5, 0.5]


@given(st.floats(-1e6, 1e6))
def test_the_logistic_never_overflows(logit: float) -> None:
    with np.errstate(all="raise", under="ignore"):
        held = float(sigmoid(np.array(logit)))
    assert 0 <= held <= 1
    if abs(logit) < 30:
        assert held == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-12)
