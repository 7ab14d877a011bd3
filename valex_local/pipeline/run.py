"""A run: add posts to a study, compute every step that is due, summarise."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from valex_local.errors import ConfigError, InputError, StudyError, printable
from valex_local.files.text import counted
from valex_local.notices import kind_of
from valex_local.pipeline.beside import Keeper, Kept
from valex_local.pipeline.executor import Executor, Job
from valex_local.pipeline.local_executor import LocalExecutor
from valex_local.pipeline.plan import Step, plan, run_models
from valex_local.pipeline.progress import NullProgress, Progress
from valex_local.pipeline.selection import Selection
from valex_local.pipeline.states import draw_missing
from valex_local.pipeline.status import StatusChecker, StepState, StepStatus
from valex_local.pipeline.summary import NoticeCount, StepCount, Summary, count_notices
from valex_local.posts import discover
from valex_local.posts.discover import STAGE as INTAKE
from valex_local.posts.discover import Discovery
from valex_local.posts.known import KnownPosts, with_known
from valex_local.records import Failure, Intake, LeftOut, Media, Notice, Post, SourceFile
from valex_local.stages.setting_files import absolute_paths
from valex_local.store import Store
from valex_local.store.model import refuse_hidden
from valex_local.study import Study
from valex_local.study.left_out import describe, is_forgotten
from valex_local.study.retention import describe_due, due_posts
from valex_local.study.settings import given_settings, resolve_settings
from valex_local.system import devices, network_guard

ABOUT_FILES = {"left-out", "not-used", "forgotten"}
"""Codes of the notices about files that became no post."""

NOT_REMEMBERED = {"jobs", "device", "chunk", "requests", "resident"}


def run(
    paths: Iterable[Path | str] | Path | str = (),
    out: Path | str = "study",
    *,
    options: Mapping[str, Any] | None = None,
    config: Path | str | None = None,
    meta: Path | str | None = None,
    selection: Selection | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Run every step that is due in a study.

    Parameters
    ----------
    paths : Path or iterable of Path
        Videos, and folders of videos, to add to the study; none to continue with the posts it holds.
    out : Path
        The study folder; created if it does not exist.
    options : mapping, optional
        Settings as nested plain data, as in study.toml: ``{"profile": "demo", "speech": {"language": "de"}}``.
    config : Path, optional
        A TOML file of settings. `options` take precedence over it, and both over the settings stored in the study.
    meta : Path, optional
        A table of post texts (CSV, TSV, NDJSON).
    selection : Selection, optional
        Which stages and posts to run; everything when left out.
    store : Store, optional
        The model store; the user's when left out.
    progress : Progress, optional
        Receives the progress of the run.

    Returns
    -------
    Summary
        Includes failures of single posts, which do not raise.

    Raises
    ------
    ValexError
        The run as a whole cannot be done: a wrong setting, missing weights, a locked study, a full disk.
    """
    selection, store = selection or Selection(), store or Store()
    videos = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
    if meta is not None and not videos:
        raise ConfigError(
            "a table of post texts needs videos, and none are named", path=meta, hint="Name them or their folders"
        )
    table = None if meta is None else Path(meta)
    with network_guard.guarded():
        started = time.perf_counter()
        if selection.dry:
            return _dry(videos, table, Path(out), lambda s: _Run(s, selection, store, _given(s, options, config)))
        study = Study(out, create=True)
        with study.lock(selection.shard):
            given = _given(study, options, config)
            job = _Run(study, selection, store, given, progress)
            job.refuse_outdated()
            kept = job.kept_labels()
            if kept.renames:  # by a run that may redo
                job = _Run(study, selection, store, kept.settings(given), progress, notes=kept.notes)
            job.refuse_hidden()
            job.save_settings()
            kept.carry_out(study)
            job.add_posts(videos, table)
            job.execute_all()
            job.draw_states()
            summary = job.summary()
        summary.seconds = time.perf_counter() - started
        return summary


def study_status(study: Study, store: Store | None = None, selection: Selection | None = None) -> Summary:
    """Return the status of a study, without running anything.

    Parameters
    ----------
    study : Study
        The study.
    store : Store, optional
        The model store; the user's when left out.
    selection : Selection, optional
        Which stages and posts to report on; everything when left out.

    Returns
    -------
    Summary
        What is done, due, skipped and failed.
    """
    return _Run(study, selection or Selection(), store or Store(), study.options(), installed=False).summary()


def post_statuses(study: Study, store: Store | None = None) -> dict[str, dict[str, StepStatus]]:
    """Return the status of every step of every post of a study, without running anything.

    A post about which something was noticed when it was added has the key ``intake`` too.
    """
    return _Run(study, Selection(), store or Store(), study.options(), installed=False).statuses()


def _dry(paths: Sequence[Path], meta: Path | None, out: Path, make: Callable[[Study], _Run]) -> Summary:
    """Return what a run would do; nothing is written into the study."""
    with TemporaryDirectory() as scratch:
        job = make(Study(out) if (out / "study.toml").is_file() else Study(scratch, create=True))
        job.preview(paths, meta)
        summary = job.summary()
        summary.notes += job.kept_labels().notes
    summary.study = str(out)
    return summary


def _given(study: Study, options: Mapping[str, Any] | None, config: Path | str | None) -> dict[str, Any]:
    """Return the given settings with absolute paths: the study stores them and may be continued from another folder."""
    return absolute_paths(given_settings(study, options, config))


class _Run:
    """A run in a study whose lock the caller holds."""

    def __init__(
        self,
        study: Study,
        selection: Selection,
        store: Store,
        given: Mapping[str, Any],
        progress: Progress | None = None,
        *,
        notes: Sequence[str] = (),
        installed: bool = True,
    ) -> None:
        self._study = study
        self._store = store
        self._selection = selection
        self._given = given
        self._progress = progress or NullProgress()
        self.settings = resolve_settings(store, options=given)
        self._plan = plan(self.settings)
        self._steps = selection.steps(self.settings)
        steps = self._plan if selection.whole else self._steps
        self._models = run_models(store, self.settings, steps, installed=installed)
        self._checker = StatusChecker(study, self._steps, self._models)
        self._statuses: dict[str, dict[str, StepStatus]] = {}
        self._written: Counter[str] = Counter()
        self._intake: Intake | None = None  # set by a preview, as is the next; None means what the study holds
        self._intake_failures: list[Failure] | None = None
        self._checksums = study.checksums(selection.shard)
        self._device = devices.detect(self.settings.work.device)
        self._notes = list(notes)

    # --- before the work --------------------------------------------------------------------------------------------

    def refuse_hidden(self) -> None:
        """Raise if a model cannot be reached, before hours of work on the steps that come first."""
        for model in self._models.values():
            refuse_hidden(model)

    def refuse_outdated(self) -> None:
        """Raise if the options would make finished work outdated, unless redo was asked for."""
        if self._selection.redo:
            return
        reasons: Counter[str] = Counter()
        posts = set()
        for post_id, statuses in self.statuses().items():
            for status in statuses.values():
                if status.state is StepState.OUTDATED:
                    posts.add(post_id)
                    reasons.update(status.differences)
        if posts:
            named = "; ".join(reason for reason, _ in reasons.most_common(8))
            kept = "; ".join(self.kept_labels().notes)
            raise StudyError(
                f"finished work of {len(posts)} posts would become outdated: {named}",
                path=self._study.root,
                hint=f"Add --redo to do it again{f' ({kept})' if kept else ''}, or keep the previous settings",
            )

    def kept_labels(self) -> Kept:
        """Return the labels that are kept where another model would replace them."""
        keeper = Keeper(self._study, self._store, self.settings, self._steps, self._models)
        return keeper(self.statuses(), whole=self._selection.shard is None)

    def save_settings(self) -> None:
        """Store the given settings in the study, except those of `NOT_REMEMBERED`."""
        given = dict(self._given)
        work = {k: v for k, v in given.pop("work", {}).items() if k not in NOT_REMEMBERED}
        remembered = {**given, "work": work} if work else given
        if remembered != self._study.options():
            self._study.save_options(remembered)

    def add_posts(self, paths: Sequence[Path], meta: Path | None) -> None:
        """Add the posts found at `paths` to the study."""
        if not paths:
            if not self._study.post_ids(excluded=True):
                raise InputError("the study holds no posts yet", path=self._study.root, hint="Name videos or folders")
            return
        found = self._discover(paths, meta)
        self._checksums.save()
        self._store_left_out(found)
        for post in found.posts:
            if self._selection.holds(post.id):
                self._add(post)
        if not self._study.post_ids(excluded=True) and not found.failures:
            said = "".join(f"; {notice.text}" for notice in found.notices if notice.code in ABOUT_FILES)
            raise InputError(
                f"no videos were found{said}", path=paths[0], hint="Name video files or folders that hold some"
            )

    def _discover(self, paths: Sequence[Path], meta: Path | None) -> Discovery:
        ids = self._study.post_ids(excluded=True)
        known = KnownPosts(ids, lambda post_id: self._study.read(post_id, "post", Post))
        found = discover(paths, meta=meta, checksums=self._checksums, known=known)
        return _without_forgotten(self._study.left_out(), found)

    def _store_left_out(self, found: Discovery) -> None:
        """Store what became no post, in place of what earlier runs stored."""
        for failure in self._study.failures():
            if failure.stage == INTAKE and self._selection.holds(failure.post):
                self._study.clear_failure(failure.post, INTAKE)
        for failure in found.failures:
            if self._selection.holds(failure.post):
                self._study.write_failure(failure)
        if self._selection.first:
            self._study.write_intake(_intake(found))

    def preview(self, paths: Sequence[Path], meta: Path | None) -> None:
        """Check the posts found at `paths` as if they had been added."""
        if not paths:
            return
        found = self._discover(paths, meta)
        selected = (post for post in found.posts if self._selection.holds(post.id))
        posts = (with_known(post, self._study.read(post.id, "post", Post)) for post in selected)
        self._statuses.update(self._checker.check_as(posts))
        self._intake = _intake(found)
        self._intake_failures = found.failures

    def _add(self, post: Post) -> None:
        """Add one post, unless the study has it with other files that still exist."""
        known = self._study.read(post.id, "post", Post)
        post = with_known(post, known)
        if known == post:
            return
        replaced = None if known is None else _replaced(known, post)
        if replaced is not None:
            old, new = replaced
            what = f"2 different files name this post: [{printable(old.path)}] and [{printable(new.path)}]"
            self._study.write_failure(Failure(post=post.id, stage=INTAKE, what=what, hint="Keep one of them"))
            return
        self._study.write(post.id, "post", post)
        self._statuses.pop(post.id, None)

    # --- the work ---------------------------------------------------------------------------------------------------

    def execute_all(self) -> None:
        """Compute every step for the posts that are due, a few hundred posts at a time."""
        note = devices.unused_gpu(self._device)
        if note:
            self._progress.say(note)
        devices.set_threads(self._device.threads)
        due = [p for p, statuses in self.statuses().items() if any(map(self._selection.wants, statuses.values()))]
        executor: Executor = LocalExecutor(
            self._study, self.settings, self._models, self._device, progress=self._progress, checksums=self._checksums
        )
        with closing(executor):
            for chunk in _chunks(due, self.settings.work.chunk):
                self._statuses.update(self._checker.check(chunk))  # earlier chunks may have taken days
                for step in self._steps:
                    jobs = self._jobs(chunk, step)
                    if self._restore_side_files(executor, step, jobs):
                        jobs = self._jobs(chunk, step)  # without those that could not be restored
                    self._written[step.name] += executor.execute(step, jobs)
                self._statuses.update(self._checker.check(chunk))
        self._drop_side_files()
        self._checksums.save()

    def _jobs(self, chunk: Sequence[str], step: Step) -> list[Job]:
        """Return the posts for which a step is to be done; posts that waited for an earlier step are checked again."""
        waited = [post_id for post_id in chunk if not self._statuses[post_id][step.name].settled]
        self._statuses.update(self._checker.check(waited))
        statuses = ((post_id, self._statuses[post_id][step.name]) for post_id in chunk)
        return [
            Job(post_id, status.fingerprint)
            for post_id, status in statuses
            if self._selection.wants(status) and status.state is not StepState.WAITING
        ]

    def _restore_side_files(self, executor: Executor, step: Step, jobs: Sequence[Job]) -> bool:
        """Restore side files that an earlier run dropped and this step opens; return whether there were any."""
        media = next(s for s in self._plan if s.stem == "media")
        lacking = []
        opened = self._side_files_opened(step)
        for job in jobs if opened else ():
            record = self._study.read(job.post_id, "media", Media)
            if record and not all(self._study.has_side_files(job.post_id, record, kind) for kind in opened):
                lacking.append(Job(job.post_id, record.fingerprint))
        executor.execute(media, lacking)
        self._statuses.update(self._checker.check(job.post_id for job in lacking))
        return bool(lacking)

    def _side_files_opened(self, step: Step) -> tuple[str, ...]:
        """Return the side files that a step opens; none if no model reads them."""
        model = self._models.get("llm")
        blind = step.spec.name == "script" and model is not None and not model.may_see
        idle = bool(step.all_roles) and not step.models(self._models)
        return () if blind or idle else step.side_files

    def _drop_side_files(self) -> None:
        work = self.settings.work
        if not self._selection.whole:
            return
        for post_id in self.statuses():
            if not work.keep_keyframes:
                self._study.drop_side_files(post_id, "keyframes")
            if not work.keep_audio:
                self._study.drop_side_files(post_id, "audio")

    def statuses(self) -> dict[str, dict[str, StepStatus]]:
        """Return the status of every step of every post of the shard; posts are checked once, and when they change."""
        new = (p for p in self._study.post_ids() if p not in self._statuses and self._selection.holds(p))
        self._statuses.update(self._checker.check(new))
        return self._statuses

    # --- after the work ---------------------------------------------------------------------------------------------

    def draw_states(self) -> None:
        """Draw states for sets of labels that have enough posts now and had too few before, and say so."""
        if any(written for step, written in self._written.items() if step.startswith("labels.")):
            for line in draw_missing(self._study):
                self._progress.say(line)

    def summary(self) -> Summary:
        """Return the status of the study and what this run wrote."""
        posts = self.statuses()
        intake = self._intake or self._study.intake()
        note = devices.unused_gpu(self._device)
        return Summary(
            study=str(self._study.root),
            posts=len(posts),
            steps=[self._count(step.name, [statuses[step.name] for statuses in posts.values()])
                   for step in self._steps],
            skipped=_tally((n, s.skipped) for post in posts.values() for n, s in post.items() if s.skipped),
            notices=[*count_notices(_notices(posts)), *_of_no_post(intake)],
            doubtful=sum(_is_doubtful(statuses.values()) for statuses in posts.values()),
            failures=[f for f in self._failures() if self._selection.holds(f.post)],
            unmatched=list(intake.unmatched),
            models={role: model.id for role, model in self._models.items()},
            offline=network_guard.current().describe(),
            notes=[*self._notes, *([note] if note else []), *describe(self._study.left_out()),
                   *describe_due(due_posts(self._study, rules=self.settings.governance))],
        )  # fmt: skip

    def _failures(self) -> Iterator[Failure]:
        """Yield the failures that apply now; those under other settings do not."""
        stored = self._study.failures()
        yield from [f for f in stored if f.stage == INTAKE] if self._intake_failures is None else self._intake_failures
        for failure in stored:
            status = self._statuses.get(failure.post, {}).get(failure.stage)
            if status is not None and status.state is StepState.FAILED:
                yield failure

    def _count(self, name: str, statuses: Sequence[StepStatus]) -> StepCount:
        states = Counter(status.state for status in statuses)
        return StepCount(
            step=name,
            written=self._written[name],
            current=states[StepState.CURRENT],
            failed=states[StepState.FAILED],
            blocked=states[StepState.BLOCKED],
            due=states[StepState.MISSING] + states[StepState.STALE] + states[StepState.WAITING],
            outdated=states[StepState.OUTDATED],
        )


def _replaced(known: Post, post: Post) -> tuple[SourceFile, SourceFile] | None:
    """Return a file of the study's post that still exists and is not among the new ones, and a new one, if any.

    Files that were added, moved or changed in place do not count.
    """
    if (known.video is None) != (post.video is None):
        return None
    old_files, new_files = (((post.video,) if post.video else post.files) for post in (known, post))
    sums, paths = {file.sha256 for file in new_files}, {file.path for file in new_files}
    gone = (file for file in old_files if file.sha256 not in sums and file.path not in paths)
    old = next((file for file in gone if Path(file.path).exists()), None)
    return None if old is None or not new_files else (old, new_files[0])


def _without_forgotten(left_out: LeftOut, found: Discovery) -> Discovery:
    """Return what was found without forgotten posts; a notice counts them, but names none."""
    if not left_out.forgotten:
        return found
    posts = [post for post in found.posts if not is_forgotten(left_out, post.id)]
    failures = [failure for failure in found.failures if not is_forgotten(left_out, failure.post)]
    gone = len(found.posts) - len(posts) + len(found.failures) - len(failures)
    if not gone:
        return found
    text = f"{counted(gone, 'post')} left out that the study was asked to forget; to add one again: valex include POST"
    return replace(found, posts=posts, failures=failures, notices=[*found.notices, Notice(code="forgotten", text=text)])


def _intake(found: Discovery) -> Intake:
    """Return what a search for posts found that is about no single post."""
    return Intake(notices=tuple(found.notices), unmatched=tuple(found.unmatched))


def _notices(posts: Mapping[str, Mapping[str, StepStatus]]) -> Iterator[tuple[str, str, Notice]]:
    """Yield every notice with its post and step."""
    for post_id, statuses in posts.items():
        for step, status in statuses.items():
            yield from ((post_id, step, notice) for notice in status.notices)


def _of_no_post(intake: Intake) -> Iterator[NoticeCount]:
    """Yield what the last search for posts left out, each by itself: it names files."""
    for notice in intake.notices:
        changes = kind_of(notice.code).changes_meaning
        yield NoticeCount(INTAKE, notice.code, notice.text, changes_meaning=changes)


def _is_doubtful(statuses: Iterable[StepStatus]) -> bool:
    """Return whether a notice of a post may change what the post means."""
    return any(kind_of(notice.code).changes_meaning for status in statuses for notice in status.notices)


def _tally(pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    return dict(sorted(Counter(f"{step}: {text}" for step, text in pairs).items()))


def _chunks(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(ids)
    while chunk := list(islice(rest, size)):
        yield chunk
