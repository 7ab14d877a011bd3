"""Who codes which posts: some are coded by everybody, so that agreement can be measured, and the others by one each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from valex_local.corpus.post_finder import PostFinder
from valex_local.errors import ConfigError, InputError
from valex_local.files.tables import read_table
from valex_local.records import Assignment, CodingPlan
from valex_local.study import Study
from valex_local.study.codings import ADJUDICATED, check_coder, coders_of, read_coding

SAMPLES = "samples"
"""The folder of a study with its samples: tables of post_id, inclusion_probability and stratum."""


@dataclass(frozen=True)
class Sample:
    """The posts of a sample: its name, the posts that the study holds, and the rows whose posts it does not."""

    name: str
    posts: tuple[str, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How many posts a coder has to code, has finished, and has begun."""

    coder: str
    assigned: int
    done: int
    begun: int


def read_sample(study: Study, given: str) -> Sample:
    """Return a sample of a study, given by its name or as a path.

    Raises
    ------
    InputError
        There is no such file, it is no such table, or the study holds none of its posts.
    """
    place = study.root / SAMPLES / f"{given}.csv"
    path = place if place.is_file() else Path(given)
    table = read_table(path)
    if "post_id" not in table.columns:
        raise InputError("this table has no column post_id", path=path, hint="Make a sample with: valex sample")
    finder = PostFinder(study.post(post_id) for post_id in study.post_ids())
    found: dict[str, None] = {}
    unknown = []
    for row in table.rows:
        name = row.cells["post_id"].strip()
        posts = finder.find([name])
        if len(posts) == 1:
            found[posts[0]] = None
        else:
            unknown.append(name)
    if not found:
        raise InputError("the study holds no post of this sample", path=path, hint="Make it with: valex sample")
    return Sample(path.stem, tuple(found), tuple(unknown))


def make_plan(
    posts: Sequence[str], coders: Sequence[str], *, overlap: float = 0.3, seed: int = 0, sample: str | None = None
) -> CodingPlan:
    """Return a plan in which a random share of the posts is coded by everybody, and every other post by one coder.

    Posts are shuffled, also for the order in which they are coded, so that nobody can tell which are coded by others.

    Parameters
    ----------
    posts : sequence of str
        Ids of the posts.
    coders : sequence of str
        Names of the coders.
    overlap : float
        Share of posts that everybody codes, in [0, 1]; at least one post where it is above 0.
    seed : int
        Seed of the shuffling.
    sample : str, optional
        Name of the sample that the posts are.

    Returns
    -------
    CodingPlan
        The plan.

    Raises
    ------
    ConfigError
        A coder cannot be called that, is named twice, or there is nothing to plan.
    """
    names = [check_coder(name) for name in coders]
    if len({name.casefold() for name in names}) < len(names) or ADJUDICATED in names:
        raise ConfigError(
            f"these cannot be the coders: {', '.join(names)}",
            hint=f"Name each once; {ADJUDICATED!r} is reserved for what is decided where coders differ",
        )
    if not names or not posts:
        raise ConfigError("there are no posts to code" if names else "no coder is named", hint="Name coders, and posts")
    chance = random.Random(seed)
    order = sorted(posts)
    chance.shuffle(order)
    shared = min(len(order), max(round(overlap * len(order)), 1 if overlap > 0 else 0))
    assigned = [Assignment(post=post, coders=tuple(names)) for post in order[:shared]]
    assigned += [Assignment(post=post, coders=(names[n % len(names)],)) for n, post in enumerate(order[shared:])]
    chance.shuffle(assigned)
    return CodingPlan(coders=tuple(names), overlap=overlap, seed=seed, sample=sample, assignments=tuple(assigned))


def posts_of(study: Study, plan: CodingPlan | None, coder: str) -> list[str]:
    """Return the posts that a coder codes, in order: those of the plan that the study holds; without a plan, all.

    Parameters
    ----------
    study : Study
        The study.
    plan : CodingPlan or None
        Its plan.
    coder : str
        The coder.

    Returns
    -------
    list of str
        Ids of posts.

    Raises
    ------
    ConfigError
        There is a plan, and the coder is not in it.
    """
    there = study.post_ids()
    if plan is None:
        return there
    if coder not in plan.coders:
        raise ConfigError(
            f"the plan has no coder {coder!r}, only {', '.join(plan.coders)}",
            path=study.root,
            hint="Name one of them, or make a new plan with: valex review plan --replace",
        )
    known = set(there)
    return [one.post for one in plan.assignments if coder in one.coders and one.post in known]


def posts_to_adjudicate(study: Study, plan: CodingPlan | None, person: str | None = None) -> list[str]:
    """Return the posts that at least two coders have finished, and everybody who codes them by the plan.

    Parameters
    ----------
    study : Study
        The study.
    plan : CodingPlan or None
        Its plan.
    person : str, optional
        Who will see all codings: posts that this person has begun to code are left out until they are finished.

    Returns
    -------
    list of str
        Ids of posts.
    """
    planned = {one.post: set(one.coders) for one in plan.assignments} if plan else {}
    found = []
    for post_id in study.post_ids():
        done = set(finished_by(study, post_id))
        waited_for = planned.get(post_id, set()) | ({person} & set(coders_of(study, post_id)))
        if len(done) > 1 and waited_for <= done:
            found.append(post_id)
    return found


def finished_by(study: Study, post_id: str) -> list[str]:
    """Return the coders who have finished a post."""
    coders = [name for name in coders_of(study, post_id) if name != ADJUDICATED]
    return [name for name in coders if (coding := read_coding(study, post_id, name)) is not None and coding.done]


def progress(study: Study, plan: CodingPlan | None) -> list[Progress]:
    """Return how far each coder is: those of the plan in its order, then others who have coded."""
    there = study.post_ids()
    coding = {name for post_id in there for name in coders_of(study, post_id)} - {ADJUDICATED}
    planned = plan.coders if plan else ()
    found = []
    for coder in (*planned, *sorted(coding - set(planned))):
        posts = posts_of(study, plan, coder) if coder in planned else there
        codings = [one for post_id in posts if (one := read_coding(study, post_id, coder)) is not None]
        done = sum(one.done for one in codings)
        assigned = len(posts) if coder in planned or plan is None else 0
        found.append(Progress(coder, assigned, done, len(codings) - done))
    return found
