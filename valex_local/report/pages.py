"""Render and write the pages: one for the study, one for each post, and the files that they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from valex_local import __version__
from valex_local.errors import StudyError
from valex_local.files.atomic import write_whole, writing
from valex_local.files.removing import remove
from valex_local.rendering.timing import clock
from valex_local.report.circle import definitions
from valex_local.report.gather import Gathered, Reader
from valex_local.report.links import COMPARISONS, INDEX, POSTS, REPORT, comparison_links, page_address, page_name
from valex_local.report.overview import Overview
from valex_local.report.summary import posts_script, study_view, words_script
from valex_local.report.svg import plain_label
from valex_local.report.views import post_view, reachable
from valex_local.schwartz import CIRCLE
from valex_local.states import Banner
from valex_local.study import Study, state_summaries
from valex_local.study.retention import due_posts

STYLE, SCRIPT, LIST, WORDS = "style.css", "report.js", "posts.js", "words.js"
SAVE = "save.js"
_OURS = frozenset({INDEX, STYLE, SCRIPT, SAVE, LIST, WORDS, POSTS})


@dataclass(frozen=True)
class Written:
    """A report that was written.

    Attributes
    ----------
    index : Path
        The page to open.
    posts : int
        Number of posts with a page.
    removed : tuple of str
        Posts of an earlier report that are no longer in the study.
    unreadable : tuple of str
        Records that could not be read, as ``post: record: why``.
    """

    index: Path
    posts: int
    removed: tuple[str, ...]
    unreadable: tuple[str, ...]


def write_report(study: Study, folder: Path | None = None, *, progress: Callable[[], None] | None = None) -> Written:
    """Write the report of a study, replacing an earlier one.

    Pages are written one by one, each completely or not at all, the study page last. Callers hold the study's lock, so
    that no post is removed while its page is being written.

    Parameters
    ----------
    study : Study
        The study.
    folder : Path, optional
        Where to write; by default ``report`` in the study.
    progress : callable, optional
        Called after each post.

    Returns
    -------
    Written
        What was written and removed, and records that could not be read.

    Raises
    ------
    StudyError
        The folder contains something else, or cannot be written to.
    """
    states = state_summaries(study)
    banner = Banner.of({key.title: found for key, found in states.items()})
    site = Site(study.root / REPORT if folder is None else folder, banner)
    ids = study.post_ids()
    reader, overview = Reader(study), Overview(states=states)
    unreadable: list[str] = []
    for post_id, before, after in zip(ids, [None, *ids][:-1], [*ids, None][1:], strict=True):
        gathered = reader(post_id)
        site.write_post(study, gathered, before=before, after=after)
        overview.add(gathered, has_video=reachable(gathered))
        unreadable += [f"{post_id}: {problem.stem}.json: {problem.what}" for problem in gathered.problems]
        if progress is not None:
            progress()
    for post_id in sorted(reader.failures.keys() - set(study.post_ids(excluded=True))):  # files that became no posts
        for failure in reader.failures[post_id]:
            overview.add_failure(failure)
    overview.add_intake(study.intake())
    overview.add_excluded(study.left_out())
    overview.add_due(due_posts(study))
    site.write_study(overview, reader, study.root.resolve().name)
    return Written(site.folder / INDEX, len(ids), site.remove_others(ids), tuple(unreadable))


class Site:
    """The folder of a report, which is made if it does not exist.

    Parameters
    ----------
    folder : Path
        The folder.
    banner : Banner or None
        What readers must know about states that are not validated.

    Raises
    ------
    StudyError
        The folder contains something else.
    """

    def __init__(self, folder: Path, banner: Banner | None) -> None:
        self.folder = folder
        self._banner = banner
        self._pages = folder / POSTS
        self._comparisons = comparison_links(folder)
        _refuse_foreign(folder)
        with writing(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written first, because it marks the folder as that of a report.
        self._write(SCRIPT, packaged(SCRIPT))
        self._write(STYLE, packaged(STYLE))
        self._write(SAVE, packaged(SAVE))
        with writing(folder):
            self._pages.mkdir(mode=0o700, exist_ok=True)

    def write_post(self, study: Study, gathered: Gathered, *, before: str | None, after: str | None) -> None:
        """Write the page of a post.

        Parameters
        ----------
        study : Study
            The study.
        gathered : Gathered
            All records of the post.
        before, after : str or None
            Ids of the previous and the next post, to link to.
        """
        post = post_view(gathered, study.folder(gathered.id), self._pages.resolve())
        name = page_name(gathered.id)
        compared = [(one.title, one.pages[name]) for one in self._comparisons if name in one.pages]
        facts = {"post": post, "before": before, "after": after, "banner": self._banner, "compared": compared}
        self._write(f"{POSTS}/{name}", _render("post.jinja", root="../", **facts))

    def write_study(self, overview: Overview, reader: Reader, name: str) -> None:
        """Write the list of posts, the search index, and last the study page.

        Parameters
        ----------
        overview : Overview
            The summary of all posts.
        reader : Reader
            The reader of the posts, for the order of variants.
        name : str
            Name of the study.
        """
        view = study_view(overview, reader.order, name)
        self._write(LIST, posts_script(overview.rows, view.panels))
        self._write(WORDS, words_script(overview.rows))
        facts = {"study": view, "rows": overview.rows, "banner": self._banner, "comparisons": self._comparisons}
        self._write(INDEX, _render("study.jinja", root="", **facts))

    def remove_others(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Remove the pages of posts that are not in `ids` and files of interrupted writes; return those posts."""
        keep = {page_name(post_id) for post_id in ids}
        gone = sorted(path for path in self._pages.iterdir() if path.name not in keep)
        with writing(self._pages):
            for path in (*gone, *self.folder.glob(".*.part")):
                remove(path, inside=self.folder)
        return tuple(path.stem for path in gone if path.suffix == ".html")

    def _write(self, name: str, text: str) -> None:
        write_whole(self.folder / name, text.encode("utf-8", "replace"))


def _refuse_foreign(folder: Path) -> None:
    """Raise StudyError if a folder contains anything but a report, so that nothing else is overwritten."""
    if folder.exists() and not folder.is_dir():
        raise StudyError("this is a file, not a folder", path=folder, hint="Choose a folder with -o")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    names = {name for name in names if not (name.startswith(".") and name.endswith(".part"))} - {COMPARISONS}
    if names and (SCRIPT not in names or names - _OURS):
        raise StudyError(
            "this folder contains something other than a report", path=folder, hint="Choose a new folder with -o"
        )


def packaged(name: str) -> str:
    """Return the text of a file that the pages share."""
    return (files("valex_local.report") / name).read_text("utf-8")


@cache
def environment(*packages: str) -> Environment:
    """Return the environment of the templates in packages and, after them, in this one."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in (*packages, "valex_local.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clock=clock, plain_label=plain_label, page=page_address, share=_share)
    environment.filters["length_of"] = _length
    environment.globals.update(version=__version__, definitions=definitions(), circle=CIRCLE, SCRIPT=SCRIPT, SAVE=SAVE)
    environment.globals.update(STYLE=STYLE, LIST=LIST, WORDS=WORDS, INDEX=INDEX, POSTS=POSTS)
    return environment


def _render(template: str, **values: Any) -> str:
    return environment().get_template(template).render(**values)


_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)], "\ufffd")


def _shown(value: Any) -> Any:
    """Return a text without control characters, which HTML cannot contain."""
    return value.translate(_CONTROLS) if isinstance(value, str) and not isinstance(value, Markup) else value


def _share(part: int, whole: int) -> str:
    """Return a share in percent; a dash if the whole is 0."""
    return f"{100 * part / whole:.0f} %" if whole else "–"


def _length(seconds: float) -> str:
    """Return a duration in words, to the second or, from one hour, to the minute."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
