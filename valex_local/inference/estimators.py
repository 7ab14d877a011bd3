"""Estimates from machine labels of all posts and gold labels of a sample with known probabilities.

Machine labels err, and their errors do not cancel: shares, differences and regressions computed from them alone are
biased, however many posts there are. Prediction-powered inference (Angelopoulos et al. 2023, arXiv:2301.09633) and
design-based supervised learning (Egami et al. 2023, arXiv:2306.04746) correct them by the errors found in a sample with
known probabilities. With covariates x, the gold label y, the machine label y^, the mean m = m(x b), and w = 1 / p for
posts of the sample, which were drawn with probability p, and 0 for the others, the coefficients b solve

    sum of x [ w (y - m) + t (1 - w) (y^ - m) ] = 0

Since w is 1 on average whatever the machine does, the second part adds nothing on average; it takes away noise where
machine and gold labels go together. The tuning t in [0, 1] is that of PPI++ (Angelopoulos et al. 2023,
arXiv:2311.01453), which makes variances smallest: where machine labels tell nothing it is 0, and gold labels alone
make the estimate. The variance is the sandwich over clusters (Liang and Zeger 1986).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from valex_local.corpus.label_matrix import Bools, Floats
from valex_local.files.text import counted

Z = 1.959963984540054
"""The 0.975 quantile of the normal distribution, for 95 % intervals."""

STEPS, CLOSE = 50, 1e-10


class Method(StrEnum):
    """Which labels an estimate rests on."""

    CORRECTED = "corrected"
    GOLD = "gold alone"
    MACHINE = "machine labels alone"


class Link(StrEnum):
    """How the mean depends on covariates."""

    LINEAR = "linear"
    LOGISTIC = "logistic"


@dataclass(frozen=True)
class Data:
    """Posts with their labels for one question.

    Attributes
    ----------
    machine : ndarray of float64, shape (N,)
        Machine labels, 0 or 1.
    gold : ndarray of float64, shape (N,)
        Gold labels, 0 or 1; NaN outside the sample.
    probability : ndarray of float64, shape (N,)
        Probability of each post of the sample to be drawn; NaN outside.
    clusters : ndarray of int, shape (N,)
        The cluster of each post, such as its author; all different where posts are independent.
    """

    machine: Floats
    gold: Floats
    probability: Floats
    clusters: NDArray[np.intp]

    @property
    def sampled(self) -> Bools:
        """Which posts are in the sample and have a gold label."""
        found: Bools = ~np.isnan(self.gold) & ~np.isnan(self.probability)
        return found

    @property
    def weights(self) -> Floats:
        """1 / p in the sample, 0 elsewhere."""
        found: Floats = np.where(self.sampled, 1 / np.where(self.sampled, self.probability, 1.0), 0.0)
        return found


@dataclass(frozen=True)
class Coefficients:
    """Coefficients with their covariance; both None where they cannot be estimated, with the reason.

    `freedom` is the number of independent clusters behind the variance, less the coefficients.
    """

    values: Floats | None
    covariance: Floats | None
    why_not: str = ""
    freedom: int = 1

    def interval(self, at: int = 0) -> tuple[float, float, float] | None:
        """Return a coefficient and the ends of its 95 % interval."""
        if self.values is None or self.covariance is None:
            return None
        value, error = float(self.values[at]), float(np.sqrt(max(self.covariance[at, at], 0.0)))
        # The quantile of Student's distribution, to the first order in 1 / freedom.
        reach = (Z + (Z**3 + Z) / (4 * self.freedom)) * error
        return value, value - reach, value + reach


def estimate(data: Data, covariates: Floats, method: Method, link: Link = Link.LINEAR) -> Coefficients:
    """Return the coefficients of a model of the labels.

    Parameters
    ----------
    data : Data
        The labels of N posts.
    covariates : ndarray of float64, shape (N, P)
        The covariates, with a column of ones for the intercept.
    method : Method
        Which labels to use.
    link : Link
        How the mean depends on them; linear with the column of ones alone gives the share.

    Returns
    -------
    Coefficients
        The coefficients, with a variance that is robust to dependence within clusters.
    """
    model: _Model = {"covariates": covariates, "link": link, "clusters": data.clusters}
    if method is Method.MACHINE:
        every = len(np.unique(data.clusters))
        return _solved(data.machine, np.ones(len(data.machine)), **model, known=every)
    coded = int(data.sampled.sum())
    if coded <= covariates.shape[1]:
        return Coefficients(None, None, f"only {counted(coded, 'post')} of the sample with gold labels")
    weights = data.weights
    gold = weights * np.nan_to_num(data.gold)
    known = len(np.unique(data.clusters[data.sampled]))
    alone = _solved(gold, weights, **model, known=known)
    if method is Method.GOLD or alone.values is None:
        return alone
    t = _tuning(data, covariates, link, alone.values)
    labels, total = gold + t * (1 - weights) * data.machine, weights + t * (1 - weights)
    return _solved(labels, total, **model, known=known)


class _Model(TypedDict):
    covariates: Floats
    link: Link
    clusters: NDArray[np.intp]


def _solved(
    labels: Floats, weights: Floats, *, covariates: Floats, link: Link, clusters: NDArray[np.intp], known: int
) -> Coefficients:
    """Return the solution of sum of x (labels - weights m(x b)) = 0, by Newton's method.

    `known` is the number of clusters whose labels are known.
    """
    beta = np.zeros(covariates.shape[1])
    for _ in range(STEPS):
        mean, slope = _mean(covariates @ beta, link)
        bread = (covariates * (weights * slope)[:, None]).T @ covariates
        if np.linalg.matrix_rank(bread) < len(beta):
            return Coefficients(None, None, "the covariates do not vary enough, or tell the labels apart completely")
        step = np.linalg.solve(bread, covariates.T @ (labels - weights * mean))
        beta += step
        if np.abs(step).max() < CLOSE:
            break
    else:
        return Coefficients(None, None, "the model does not converge")
    mean, slope = _mean(covariates @ beta, link)
    inverse = np.linalg.inv((covariates * (weights * slope)[:, None]).T @ covariates)
    sums = _by_cluster(covariates * (labels - weights * mean)[:, None], clusters)
    freedom = max(known - len(beta), 1)
    return Coefficients(beta, inverse @ (sums.T @ sums) @ inverse * known / freedom, freedom=freedom)


def _tuning(data: Data, covariates: Floats, link: Link, beta: Floats) -> float:
    """Return the t that makes the sum of the variances of all coefficients smallest, within [0, 1]."""
    weights = data.weights
    mean, slope = _mean(covariates @ beta, link)
    inverse = np.linalg.inv((covariates * (weights * slope)[:, None]).T @ covariates)
    own = _by_cluster(covariates * (weights * (np.nan_to_num(data.gold) - mean))[:, None], data.clusters) @ inverse
    noise = _by_cluster(covariates * ((1 - weights) * (data.machine - mean))[:, None], data.clusters) @ inverse
    variance = float(noise.var(axis=0).sum())
    if variance == 0:
        return 0.0
    together = float(((own - own.mean(axis=0)) * (noise - noise.mean(axis=0))).mean(axis=0).sum())
    return float(np.clip(-together / variance, 0.0, 1.0))


def _by_cluster(scores: Floats, clusters: NDArray[np.intp]) -> Floats:
    """Return the sums of scores, shape (N, P), within clusters."""
    names, at = np.unique(clusters, return_inverse=True)
    sums = np.zeros((len(names), scores.shape[1]))
    np.add.at(sums, at, scores)
    return sums


def _mean(linear: Floats, link: Link) -> tuple[Floats, Floats]:
    """Return the mean at each linear predictor, and its derivative."""
    if link is Link.LINEAR:
        return linear, np.ones_like(linear)
    mean = 1 / (1 + np.exp(-np.clip(linear, -30, 30)))
    return mean, mean * (1 - mean)
