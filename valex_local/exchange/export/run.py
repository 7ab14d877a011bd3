"""Writes a format: whole, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from valex_local.errors import ConfigError, InputError
from valex_local.exchange.export.formats import Format, get_format
from valex_local.exchange.export.selection import Material
from valex_local.files.atomic import replacing, writing
from valex_local.study import Study

EXPORTS = "exports"
"""The folder of a study that holds exports; it can be made again and goes with every post that is forgotten."""


@dataclass
class Exported:
    """What came of an export.

    Attributes
    ----------
    format, path : str
        The format, and the file or folder.
    posts : int
        How many posts are in it.
    files : int
        How many files it has.
    left_out : dict of str to str
        Posts that are not in it, and why.
    notices : list of str
        What else a reader of the files must know.
    """

    format: str
    path: str
    posts: int = 0
    files: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


def export_study(
    study: Study,
    name: str,
    out: Path | None = None,
    *,
    posts: Sequence[str] | None = None,
    script: str | None = None,
    route: str | None = None,
) -> Exported:
    """Write a study in a format that other tools read.

    Parameters
    ----------
    study : Study
        The study.
    name : str
        The format; see `valex_local.exchange.export.formats.FORMATS`.
    out : Path, optional
        The file, whose ending may choose CSV or TSV, or the folder, which must be new or empty. By default a place in
        ``exports/`` of the study, where an earlier export of the format is replaced.
    posts : sequence of str, optional
        Ids of the posts; all when left out.
    script, route : str, optional
        The one variant of scripts and the one labelling route that count. Of scripts it is by default the variant that
        is shown first for most posts; of labels all, or the only ones there are.

    Returns
    -------
    Exported
        Posts that have nothing to export are in it and do not raise.

    Raises
    ------
    ConfigError
        There is no such format, it has no use for `route`, it has room for one set of labels and there are several, or
        the target cannot be used.
    InputError
        There is nothing to export.
    MissingExtra
        The format needs a library that is not installed.
    StudyError
        The files cannot be written.
    """
    form = get_format(name)
    if route is not None and not form.has_labels:
        raise ConfigError(f"--route {route}: there are no labels in the format {name}", hint="Leave it out")
    target = _default(study, name, form) if out is None else _checked(study, out, form)
    material = Material(study, study.post_ids() if posts is None else posts, script=script, route=route)
    if form.suffixes:
        form.writer()(material, target)
        files = 1
    else:
        with writing(target), replacing(target) as part:
            part.mkdir(mode=0o700)
            form.writer()(material, part)
            files = len(list(part.iterdir()))
            if not material.exported:
                reasons = "; ".join(dict.fromkeys(material.left_out.values()))
                raise InputError(f"there is nothing to export: {reasons}", path=study.root)
    return Exported(name, str(target), len(material.exported), files, material.left_out, material.notices)


def _default(study: Study, name: str, form: Format) -> Path:
    folder = study.root / EXPORTS
    with writing(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder / (f"{name}{form.suffixes[0]}" if form.suffixes else name)


def _checked(study: Study, out: Path, form: Format) -> Path:
    """Return the target that was named, if it can be used."""
    study.refuse_inside(out)
    if not out.parent.is_dir():
        raise ConfigError("there is no such folder to write into", path=out.parent, hint="Make it, or name another")
    if form.suffixes and out.is_dir():
        raise ConfigError("this is a folder", path=out, hint=f"Name a file that ends in {' or '.join(form.suffixes)}")
    if form.suffixes and out.suffix not in form.suffixes:
        raise ConfigError(f"expected a file that ends in {' or '.join(form.suffixes)}", path=out)
    if form.suffixes and out.exists() and not out.resolve().is_relative_to((study.root / EXPORTS).resolve()):
        raise ConfigError("there is such a file already", path=out, hint="Name a new one, or remove it")
    # An export into a folder with other files could not be told from them, or from an older one with other posts.
    if not form.suffixes and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(
            "this format is a folder of files, and here is something else", path=out, hint="Name a new one"
        )
    return out
