"""Questions to a study: in how many posts is a value present, where more, and what goes with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from valex_local.corpus import gold_of, read_sheet
from valex_local.corpus.label_matrix import POLARITIES, Bools, Floats, LabelMatrix
from valex_local.corpus.post_facts import FACTS, GROUPS, post_facts
from valex_local.corpus.study_labels import gold_files, labels_by_model
from valex_local.errors import ConfigError, InputError
from valex_local.files.text import counted
from valex_local.inference.estimators import Data, Link, Method, estimate
from valex_local.inference.samples import read_sample
from valex_local.inference.sampling import Drawn
from valex_local.schwartz import CIRCLE, Polarity, Value
from valex_local.study import LabelKey, Study

FEW = 10
"""With fewer posts of the sample that show a value, or do not, an interval is unreliable."""


@dataclass(frozen=True)
class Answer:
    """An estimate by each method, with its 95 % interval.

    Attributes
    ----------
    value : Value
        The value.
    what : str
        What is estimated: ``share``, ``difference``, or the name of a coefficient.
    methods : dict of Method to (float, float, float) or None
        The estimate and the ends of its interval; None where there is none.
    coded, showing : int
        Posts of the sample with a gold label, and those of them that show the value.
    why_not : str
        Why an estimate is missing.
    """

    value: Value
    what: str
    methods: Mapping[Method, tuple[float, float, float] | None]
    coded: int
    showing: int
    why_not: str = ""

    @property
    def is_thin(self) -> bool:
        """Whether too few posts of the sample show the value, or do not."""
        return min(self.showing, self.coded - self.showing) < FEW


@dataclass(frozen=True)
class Material:
    """A study's labels, as estimates need them.

    Attributes
    ----------
    posts : tuple of str
        All posts.
    machine, gold : LabelMatrix
        Labels by a model, and by people.
    probability : ndarray of float64, shape (N,)
        Probability to be drawn; NaN outside the sample.
    facts : tuple of dict
        Facts of each post, see `post_facts`.
    polarity : Polarity
        Whether presence or conflict is asked about.
    notices : list of str
        What readers must know.
    """

    posts: tuple[str, ...]
    machine: LabelMatrix
    gold: LabelMatrix
    probability: Floats
    facts: tuple[Mapping[str, str], ...]
    polarity: Polarity = Polarity.PRESENT
    notices: list[str] = field(default_factory=list)

    def data(self, value: Value) -> Data:
        """Return the labels of one value."""
        at = CIRCLE.index(value), POLARITIES.index(self.polarity)
        authors = [facts["author"] or post for post, facts in zip(self.posts, self.facts, strict=True)]
        clusters = np.unique(authors, return_inverse=True)[1]
        machine = np.nan_to_num(self.machine.labels[:, at[0], at[1]], nan=0.0)
        return Data(machine, self.gold.labels[:, at[0], at[1]], self.probability, clusters)


def read_material(
    study: Study,
    labels: LabelKey,
    sample: str,
    *,
    annotator: str | None = None,
    polarity: Polarity = Polarity.PRESENT,
) -> Material:
    """Read what estimates need.

    Posts of the sample without gold labels are taken to be missing at random within their stratum, with a notice.

    Parameters
    ----------
    study : Study
        The study, with gold labels in ``gold/``.
    labels : LabelKey
        The labels by a model.
    sample : str
        The name of the sample whose posts were coded.
    annotator : str, optional
        The one annotator who counts; the majority when left out.
    polarity : Polarity
        Whether presence or conflict is asked about.

    Returns
    -------
    Material
        The labels and facts.

    Raises
    ------
    InputError
        There are no such labels, no gold labels, or no post of the sample has any.
    """
    posts = tuple(study.post_ids())
    machine = labels_by_model(study, labels)
    sheets = [read_sheet(path) for path in gold_files(study)]
    if not sheets:
        hint = "Code a sample with valex review, or import labels: valex import labels"
        raise InputError("this study has no gold labels", path=study.root, hint=hint)
    gold = gold_of(sheets, annotator).of(posts)
    notices = []
    unlabelled = len(posts) - len(machine)
    if unlabelled:
        notices.append(f"{counted(unlabelled, 'post')} without labels {labels} count as not showing a value there")
    facts = tuple(post_facts(study, post) for post in posts)
    drawn = read_sample(study, sample)
    coded = {post for row, post in enumerate(posts) if not np.isnan(gold.labels[row]).all()}
    missing = sum(one.post not in coded for one in drawn)
    if missing == len(drawn):
        raise InputError(f"no post of the sample {sample} has gold labels", path=study.root, hint="Code them first")
    if missing:
        notices.append(
            f"{missing} of {len(drawn)} posts of the sample have no gold labels; the others stand for them, as if "
            "they were missing by chance"
        )
    probability = _probabilities(posts, drawn, coded)
    return Material(posts, machine.of(posts), gold, probability, facts, polarity, notices)


def _probabilities(posts: Sequence[str], drawn: Sequence[Drawn], coded: Collection[str]) -> Floats:
    """Return each coded post's probability to be drawn and coded, where coding is missing at random in its stratum."""
    size, answered = Counter(one.stratum for one in drawn), Counter(one.stratum for one in drawn if one.post in coded)
    of = {one.post: one.probability * answered[one.stratum] / size[one.stratum] for one in drawn if one.post in coded}
    return np.array([of.get(post, np.nan) for post in posts])


def prevalence(material: Material, values: Sequence[Value]) -> Iterator[Answer]:
    """Yield in which share of all posts each value is present, or conflicted."""
    ones = np.ones((len(material.posts), 1))
    for value in values:
        yield from _answers(material, value, ones, link=Link.LINEAR, asked={"share": 0})


def difference(
    material: Material, values: Sequence[Value], by: str, groups: tuple[str, str] | None = None
) -> Iterator[Answer]:
    """Yield the difference of the shares in two groups of posts, second less first.

    Parameters
    ----------
    material : Material
        The labels.
    values : sequence of Value
        The values.
    by : str
        A fact that posts are grouped by.
    groups : tuple of str, optional
        The two groups; the two largest when left out.

    Yields
    ------
    Answer
        The difference for each value.

    Raises
    ------
    ConfigError
        Posts cannot be grouped so, or there is no such group.
    """
    if by not in GROUPS:
        raise ConfigError(f"posts cannot be grouped by {by!r}", hint=f"Use one of: {', '.join(GROUPS)}")
    cells = [facts[by] for facts in material.facts]
    sizes = {name: cells.count(name) for name in sorted({*cells} - {""})}
    chosen = tuple(groups or sorted(sizes, key=lambda name: -sizes[name])[:2])
    if len(chosen) < 2 or any(name not in sizes for name in chosen):
        known = ", ".join(f"{name} ({count})" for name, count in sizes.items()) or "none"
        raise ConfigError(f"two groups of {by} are needed", hint=f"There are: {known}. For example: --groups A B")
    inside = np.array([cell in chosen for cell in cells])
    second = np.array([cell == chosen[1] for cell in cells], dtype=np.float64)
    covariates = np.column_stack([np.ones(len(cells)), second])[inside]
    asked = {f"{chosen[1]} - {chosen[0]}": 1}
    for value in values:
        yield from _answers(material, value, covariates, link=Link.LINEAR, asked=asked, inside=inside)


def regression(material: Material, values: Sequence[Value], on: Sequence[str]) -> Iterator[Answer]:
    """Yield the coefficients of a logistic regression of a value on facts of posts.

    Parameters
    ----------
    material : Material
        The labels.
    values : sequence of Value
        The values.
    on : sequence of str
        Facts: numbers are standardised, others become indicators, of which the most frequent is left out.

    Yields
    ------
    Answer
        The log odds ratio of each covariate.

    Raises
    ------
    ConfigError
        There is no such fact, or it is empty for all posts.
    """
    inside, columns = np.ones(len(material.posts), dtype=np.bool_), dict[str, Floats]()
    for name in on:
        if name not in FACTS:
            raise ConfigError(f"posts have no fact {name!r}", hint=f"Use some of: {', '.join(FACTS)}")
        cells = [facts[name] for facts in material.facts]
        inside &= np.array([cell != "" for cell in cells])
    if not inside.any():
        raise ConfigError(f"no post has all of: {', '.join(on)}", hint="Leave out a fact, or add it with --meta")
    left_out = int((~inside).sum())
    if left_out:
        material.notices.append(f"{counted(left_out, 'post')} left out: not all of {', '.join(on)} are known")
    for name in on:
        columns |= _columns(name, [facts[name] for facts, kept in zip(material.facts, inside, strict=True) if kept])
    covariates = np.column_stack([np.ones(int(inside.sum())), *columns.values()])
    for value in values:
        asked = {name: at for at, name in enumerate(columns, 1)}
        yield from _answers(material, value, covariates, link=Link.LOGISTIC, asked=asked, inside=inside)


def _columns(name: str, cells: Sequence[str]) -> dict[str, Floats]:
    try:
        numbers = np.array([float(cell) for cell in cells])
    except ValueError:
        levels = sorted({*cells}, key=lambda level: (-cells.count(level), level))
        return {f"{name}: {level}": np.array([float(cell == level) for cell in cells]) for level in levels[1:]}
    spread = float(numbers.std())
    return {name: (numbers - numbers.mean()) / (spread or 1.0)}


def _answers(
    material: Material,
    value: Value,
    covariates: Floats,
    *,
    link: Link,
    asked: Mapping[str, int],
    inside: Bools | None = None,
) -> Iterator[Answer]:
    data = material.data(value)
    if inside is not None:
        clusters = np.unique(data.clusters[inside], return_inverse=True)[1]
        data = Data(data.machine[inside], data.gold[inside], data.probability[inside], clusters)
    found = {method: estimate(data, covariates, method, link) for method in Method}
    coded = data.sampled
    for what, at in asked.items():
        yield Answer(
            value,
            what,
            {method: one.interval(at) for method, one in found.items()},
            coded=int(coded.sum()),
            showing=int(np.nansum(data.gold[coded])),
            why_not=next((one.why_not for one in found.values() if one.why_not), ""),
        )


def table(material: Material, values: Sequence[Value]) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a table for other programs, such as R's dsl: posts with labels, facts and the design.

    Parameters
    ----------
    material : Material
        The labels.
    values : sequence of Value
        The values.

    Yields
    ------
    tuple of str
        The header, then a row for each post and value; `gold` is empty outside the sample, as dsl expects. `cluster` is
        the author, or the post where none is known.
    """
    yield ("post_id", "value", "gold", "machine", "sampled", "inclusion_probability", "cluster", *FACTS)
    for value in values:
        data = material.data(value)
        probability = _everywhere(data)
        for row, post in enumerate(material.posts):
            inside, facts = bool(data.sampled[row]), material.facts[row]
            yield (
                post, str(value), f"{data.gold[row]:.0f}" if inside else "", f"{data.machine[row]:.0f}",
                str(int(inside)), f"{probability[row]:.10g}", facts["author"] or post,
                *(facts[name] for name in FACTS),
            )  # fmt: skip


def _everywhere(data: Data) -> Floats:
    """Return the probability of each post of the sample, and for all others the mean of theirs.

    The probabilities of all posts sum to the size of the sample, so that mean is known. dsl refuses empty cells and
    scales the column to that sum, but uses the probabilities of the sample alone.
    """
    sampled = data.sampled
    size, others = int(sampled.sum()), int((~sampled).sum())
    rest = (size - float(data.probability[sampled].sum())) / max(others, 1)
    # Where the coded posts were certain, nothing is left for the others; dsl takes no 0.
    return np.where(sampled, data.probability, np.clip(rest, 1e-6, 1.0))
