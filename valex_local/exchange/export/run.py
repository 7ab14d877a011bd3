"""Write an export, completely or not at all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from valex_local.errors import ConfigError, InputError
from valex_local.exchange.export.formats import ALIASES, Format, get_format
from valex_local.exchange.export.selection import Material
from valex_local.files.atomic import replacing, writing
from valex_local.privacy.copies import shown
from valex_local.states import to_do
from valex_local.study import LabelKey, Study, output, state_summaries

EXPORTS = "exports"
"""The folder of a study with exports; they can be made again, and `valex forget` removes all of them."""


@dataclass
class Exported:
    """The result of an export.

    Attributes
    ----------
    format, path : str
        The format, and the file or folder.
    posts : int
        Number of posts in it.
    files : int
        Number of files.
    left_out : dict of str to str
        Posts that are not in it, with the reason.
    notices : list of str
        Other notices about the files.
    states : list of str
        How the states of each set of labels in it were drawn, and what to do if they are not validated.
    """

    format: str
    path: str
    posts: int = 0
    files: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)


def export_study(
    study: Study,
    name: str,
    out: Path | None = None,
    *,
    posts: Sequence[str] | None = None,
    script: str | None = None,
    route: str | None = None,
    blind: bool = False,
    pseudonyms: Path | None = None,
) -> Exported:
    """Export a study in a format for other tools.

    Parameters
    ----------
    study : Study
        The study.
    name : str
        The format; see `valex_local.exchange.export.formats.FORMATS`.
    out : Path, optional
        The file, whose extension may choose CSV or TSV, or the folder, which must be new or empty. By default a path in
        ``exports/`` of the study, where an earlier export in the same format is replaced.
    posts : sequence of str, optional
        Ids of the posts; all when left out.
    script, route : str, optional
        The variant of scripts and the label route to export. By default, the variant that is shown first for most posts
        and all labels.
    blind : bool
        Whether people code what is exported and must not see labels by models.
    pseudonyms : Path, optional
        File with a key: posts, users and links then carry pseudonyms under it.

    Returns
    -------
    Exported
        What was written. Posts that have nothing to export are listed in it and do not raise.

    Raises
    ------
    ConfigError
        There is no such format, it has no labels but `route` is given, it takes only one set of labels but there are
        several, or the target or the key cannot be used.
    InputError
        There is nothing to export.
    MissingExtra
        The format needs a library that is not installed.
    StudyError
        The files cannot be written.
    """
    name = ALIASES.get(name, name)
    form = get_format(name)
    if route is not None and not form.has_labels:
        raise ConfigError(f"--route {route}: the format {name} has no labels", hint="Leave out --route")
    if blind and name != "labelstudio":
        raise ConfigError("--blind is for labelstudio", hint="Leave out --blind")
    ending = form.suffixes[0] if form.suffixes else ""
    target = study.root / EXPORTS / f"{name}{ending}" if out is None else out
    with output(target):
        if out is None:
            with writing(target.parent):
                target.parent.mkdir(mode=0o700, exist_ok=True)
        else:
            _check(study, target, form)
        with shown(study, pseudonyms) as seen:
            ids = seen.posts(study.post_ids() if posts is None else posts)
            material = Material(seen.study, ids, script=script, route=route, blind=blind)
            files = _write(form, material, target)
            states = _about_states(seen.study, material.sets)
    return Exported(name, str(target), len(material.exported), files, material.left_out, material.notices, states)


def _about_states(study: Study, sets: Collection[LabelKey]) -> list[str]:
    """Return how the states of sets of labels were drawn, and what to do if they are not validated."""
    summaries = {key: found for key, found in state_summaries(study).items() if key in sets} if sets else {}
    lines = [f"{key}: {found.line}" for key, found in summaries.items()]
    return [*lines, *to_do({str(key): found for key, found in summaries.items()})]


def _write(form: Format, material: Material, target: Path) -> int:
    """Write the files of an export and return their number."""
    if form.suffixes:
        form.writer()(material, target)
        return 1
    with writing(target), replacing(target) as part:
        part.mkdir(mode=0o700)
        form.writer()(material, part)
        if not material.exported:
            reasons = "; ".join(dict.fromkeys(material.left_out.values()))
            raise InputError(f"there is nothing to export: {reasons}", path=material.study.root)
        return len(list(part.iterdir()))


def _check(study: Study, out: Path, form: Format) -> None:
    """Raise ConfigError if a target cannot be used."""
    if not out.parent.is_dir():
        raise ConfigError("there is no such folder", path=out.parent, hint="Make it, or choose another one")
    if form.suffixes and out.is_dir():
        raise ConfigError("this is a folder", path=out, hint=f"Give a file that ends in {' or '.join(form.suffixes)}")
    if form.suffixes and out.suffix not in form.suffixes:
        raise ConfigError(f"expected a file that ends in {' or '.join(form.suffixes)}", path=out)
    if form.suffixes and out.exists() and not out.resolve().is_relative_to((study.root / EXPORTS).resolve()):
        raise ConfigError("this file already exists", path=out, hint="Choose another name, or remove the file")
    # In a folder with other files, it would not be clear which files belong to the export.
    if not form.suffixes and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(
            "this format needs a new or empty folder", path=out, hint="Choose another name, or empty the folder"
        )
