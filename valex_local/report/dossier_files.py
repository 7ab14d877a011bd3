"""Write a dossier as a page, as Markdown, and as metadata for an archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from valex_local import __version__
from valex_local.files.atomic import write_whole, writing
from valex_local.report.dossier import Chapter, Dossier, Grid
from valex_local.report.pages import STYLE, environment, packaged

PAGE, MARKDOWN, CRATE = "dossier.html", "dossier.md", "ro-crate-metadata.json"

_SPECIFICATION = "https://w3id.org/ro/crate/1.1"


def write_dossier(dossier: Dossier, folder: Path) -> list[Path]:
    """Write the files of a dossier and return them.

    Raises
    ------
    StudyError
        The folder cannot be written.
    """
    with writing(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    page = environment().get_template("dossier.jinja").render(dossier=dossier, root="")
    files = {
        PAGE: page.encode("utf-8", "replace"),
        STYLE: packaged(STYLE).encode(),
        MARKDOWN: markdown(dossier).encode("utf-8", "replace"),
        CRATE: orjson.dumps(crate(dossier), option=orjson.OPT_INDENT_2) + b"\n",
    }
    for name, content in files.items():
        write_whole(folder / name, content)
    return [folder / name for name in files]


# --- Markdown -------------------------------------------------------------------------------------------------------


def markdown(dossier: Dossier) -> str:
    """Return a dossier as Markdown."""
    lines = [f"# Dossier of {_plain(dossier.name)}", "", f"Made on {dossier.made} with valex_local {__version__}."]
    if dossier.blanks:
        lines += ["", f"**{dossier.blanks} blanks** are to be filled in, in `study.toml`, section `[governance]`."]
    for number, chapter in enumerate(dossier.chapters, 1):
        lines += ["", f"## {number}. {chapter.title}", "", chapter.about, *_answers(chapter)]
        for grid in chapter.grids:
            lines += _grid(grid)
    return "\n".join(lines) + "\n"


def _answers(chapter: Chapter) -> list[str]:
    lines = []
    for answer in chapter.answers:
        text = f"`[ not stated: {answer.setting} ]`" if answer.text is None else _plain(answer.text)
        lines += ["", f"**{answer.question}.** {text}"]
    return lines


def _grid(grid: Grid) -> list[str]:
    if not grid.rows:
        return ["", f"{grid.title}: none."]
    rows = [grid.columns, ("---",) * len(grid.columns), *(tuple(map(_plain, row)) for row in grid.rows)]
    return ["", f"### {grid.title}", "", *(f"| {' | '.join(row)} |" for row in rows)]


def _plain(text: str) -> str:
    """Return a text that is no Markdown, on one line."""
    joined = " ".join(text.split())
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#" else char for char in joined)


# --- metadata -------------------------------------------------------------------------------------------------------


def crate(dossier: Dossier) -> dict[str, Any]:
    """Return metadata of the dossier as RO-Crate 1.1 (JSON-LD), for an archive.

    Source: https://www.researchobject.org/ro-crate/specification/1.1/
    """
    models = [
        {
            "@id": f"#model-{name}-{digest[:12]}",
            "@type": "SoftwareApplication",
            "name": name,
            "license": licence,
            "identifier": digest,
        }
        for name, licence, digest in dossier.models
    ]
    files = [
        {"@id": PAGE, "@type": "File", "name": "Dossier, as a page", "encodingFormat": "text/html"},
        {"@id": MARKDOWN, "@type": "File", "name": "Dossier, as text", "encodingFormat": "text/markdown"},
        {"@id": STYLE, "@type": "File", "name": "Style of the page", "encodingFormat": "text/css"},
    ]
    software = {"@id": "#valex_local", "@type": "SoftwareApplication", "name": "valex_local", "version": __version__}
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Dossier of the study {dossier.name}",
        "description": dossier.rules.purpose or f"How {dossier.posts} short videos were processed; without the videos",
        "datePublished": dossier.made,
        "license": dossier.rules.licence or "Not stated",
        "hasPart": [_ref(one) for one in files],
        "mentions": [_ref(software), *map(_ref, models)],
    }
    people = []
    if dossier.rules.controller:
        people = [{"@id": "#controller", "@type": "Organization", "name": dossier.rules.controller}]
        root["author"] = _ref(people[0])
    descriptor = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": _SPECIFICATION},
    }
    graph = [descriptor, root, *files, software, *models, *people]
    return {"@context": f"{_SPECIFICATION}/context", "@graph": graph}


def _ref(entity: dict[str, Any]) -> dict[str, str]:
    return {"@id": entity["@id"]}
