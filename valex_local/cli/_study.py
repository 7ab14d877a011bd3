"""Which study a command works on, and which posts of it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from valex_local.errors import ConfigError, InputError, StudyError

if TYPE_CHECKING:
    from valex_local.study import Study

VARIABLE = "VALEX_STUDY"
"""The environment variable that names the study if no option does."""

_RENAMED = {"-o": "-s", "--out": "--study", "--gold": "--labels"}
_NAMED = {"-s": "the study", "--study": "the study", "--labels": "a sheet of gold labels"}


class StudyCommand(click.Command):
    """A command that works on a study, with the option ``-s/--study``; pass its value to `study_folder`.

    The study used to be the first argument of a command, or its ``-o``. A command line of that kind is answered with
    one line that shows the new form.
    """

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.params.insert(0, _study_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words of a command line.

        Raises
        ------
        ConfigError
            They are in the old form.
        """
        words = list(args)
        ctx.meta[__name__] = words
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            self._refuse_old_option(ctx, words, error.option_name)
            raise
        except click.UsageError as error:
            self._refuse_old_place(ctx, words, error)
            raise

    def _refuse_old_option(self, ctx: click.Context, words: Sequence[str], old: str) -> None:
        new = _RENAMED.get(old)
        if new is not None and any(new in parameter.opts for parameter in self.params):
            # The value may follow directly, as in -ostudy and --out=study.
            spelled = re.compile(rf"{old}(?=$|=)" if old.startswith("--") else old)
            say_new_form(new, ctx, [spelled.sub(new, word) if spelled.match(word) else word for word in words])

    def _refuse_old_place(self, ctx: click.Context, words: Sequence[str], error: click.UsageError) -> None:
        of_argument = isinstance(error, click.BadParameter) and isinstance(error.param, click.Argument)
        if type(error) is not click.UsageError and not of_argument:
            return
        values, surplus, _ = self.make_parser(ctx).parse_args(list(words))
        if values.get("folder"):
            return
        arguments = [parameter for parameter in self.params if isinstance(parameter, click.Argument)]
        given = [values.get(argument.name) for argument in arguments] + surplus
        placed = [word for word in given if isinstance(word, str)]
        study = next((word for word in placed if is_study(word)), None)
        # With one word too many, the first was meant as a study, even if there is none.
        if study is None and surplus and not (arguments and Path(placed[0]).exists()):
            study = placed[0]
        if study is not None:
            say_new_place(study, ctx)


def say_new_place(study: str | Path, ctx: click.Context | None = None) -> NoReturn:
    """Raise an error that shows how to name a study that was given as an argument."""
    ctx = ctx or click.get_current_context()
    words = list(ctx.meta[__name__])
    word = next(word for word in words if Path(word) == Path(study))
    words.remove(word)
    at = words.index("--") if "--" in words else len(words)
    say_new_form("-s", ctx, [*words[:at], "-s", word, *words[at:]])


def say_new_form(option: str, ctx: click.Context, words: Sequence[str]) -> NoReturn:
    """Raise an error that shows a command line in its new form."""
    line = shlex.join([*ctx.command_path.split(), *words])
    raise ConfigError(f"{_NAMED[option]} is named with {option} now: {line}")


def _study_option() -> click.Option:
    return click.Option(
        ["-s", "--study", "folder"],
        metavar="STUDY",
        multiple=True,  # otherwise the last of several would win silently
        callback=_only,
        help=f"Folder of the study. Default: ${VARIABLE}, or the study you are in.",
    )


def _only(ctx: click.Context, option: click.Parameter, values: Sequence[str]) -> Path | None:
    if len(values) > 1:
        raise ConfigError(f"-s is given {len(values)} times", hint="A command works on one study")
    if "" in values:
        raise ConfigError("-s is empty", hint="Name the folder of the study, or leave out -s")
    return Path(values[0]) if values else None


def is_study(place: str | Path) -> bool:
    """Whether a folder is that of a study."""
    return os.path.isfile(os.path.join(place, "study.toml"))  # noqa: PTH113, PTH118 - must not raise, whatever a word is


def study_folder(named: Path | None) -> Path:
    """Return the folder of a study: the one named, else ``$VALEX_STUDY``, else the study around the current folder.

    Raises
    ------
    ConfigError
        There is none of the three.
    """
    if named is not None:
        return named
    if by_variable := os.environ.get(VARIABLE):
        return Path(by_variable)
    try:
        here = Path.cwd()
    except FileNotFoundError:  # it was removed
        here = Path("/")
    for folder in (here, *here.parents):
        if is_study(folder):
            return folder
    raise ConfigError(
        "no study is named", hint=f"Name it with -s STUDY, set {VARIABLE}, or change to the folder of a study"
    )


def open_study(named: Path | None) -> Study:
    """Open a study; see `study_folder`.

    Raises
    ------
    ConfigError
        No study is named, and there is none around the current folder.
    StudyError
        There is no study there, or it cannot be read.
    """
    from valex_local.study import Study

    folder = study_folder(named)
    if os.path.isfile(folder):  # noqa: PTH113 - must not raise
        raise StudyError("this is a file, not a study", path=folder, hint="Name the folder of the study")
    if named is None and not is_study(folder):
        raise StudyError(
            f"{VARIABLE} names this folder, and there is no study in it",
            path=folder,
            hint=f"Correct {VARIABLE}, or name the study with -s",
        )
    try:
        return Study(folder)
    except PermissionError as error:
        raise StudyError("this folder cannot be read", path=folder, hint="Check its permissions") from error


def find_posts(study: Study, names: Sequence[str], *, partial: bool = False) -> list[str]:
    """Return the ids that `names` stand for (ids, beginnings of one id, or names of files); of all without names.

    A post that people excluded is found by its name, and is not among all.

    `partial` says to look also among posts of which only a failure, or a part of the folder, is there.

    Raises
    ------
    InputError
        A name stands for no post, or for several.
    """
    ids = sorted(study.known_ids()) if partial else study.post_ids(excluded=bool(names))
    return [_find(study, ids, name) for name in names] if names else ids


def _find(study: Study, ids: Sequence[str], name: str) -> str:
    if name in ids:
        return name
    if not name.strip():  # an unset variable in a script: it is not the beginning of every id
        raise InputError("the name of a post is empty", path=study.root, hint="Name a post, or the beginning of its id")
    from valex_local.posts.ids import file_key, post_key

    near = [post_id for post_id in ids if post_id.startswith(name)]
    if not near and (key := file_key(name) or post_key(name)) is not None:
        near = [post_id for post_id in ids if key.number in post_id]
    if not near and name == name.strip():
        from valex_local.corpus.post_finder import PostFinder

        near = list(PostFinder(map(study.post, study.post_ids(excluded=True))).find([name]))
    if len(near) == 1:
        return near[0]
    if not near and is_study(name):
        raise InputError("this is a study, not a post", path=name, hint=f"Name it with -s {shlex.quote(name)}")
    what = f"{len(near)} posts match {name!r}" if near else f"no post is called {name!r}"
    raise InputError(what, path=study.root, hint=f"Some posts here: {', '.join((near or ids)[:5])}")


def missing_from(study: Study, listed: Path) -> list[str]:
    """Return the ids of posts that a list does not name, excluded ones included.

    Parameters
    ----------
    study : Study
        The study.
    listed : Path
        A text file with an id, an address or the name of a file in each line.

    Returns
    -------
    list of str
        The ids.

    Raises
    ------
    InputError
        The list cannot be read, or names no post of the study, which is more likely a wrong file than a study whose
        posts are all gone.
    """
    from valex_local.corpus.post_finder import PostFinder
    from valex_local.files.text import read_text

    ids = study.post_ids(excluded=True)
    finder = PostFinder(map(study.post, ids))
    lines = (line.strip() for line in read_text(listed).splitlines())
    named = {post_id for line in lines if line for post_id in finder.find([line])}
    if not named:
        raise InputError(
            "this list names no post of the study", path=listed, hint="Give a file with a post in each line"
        )
    return [post_id for post_id in ids if post_id not in named]
