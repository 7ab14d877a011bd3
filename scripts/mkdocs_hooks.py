"""MkDocs hook that adds the documents of the repository root to the site, with README as the home page.

`mkdocs.yml` names this file; MkDocs calls `on_files`.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md",
         "SECURITY.md": "SECURITY.md", "CITATION.cff": "CITATION.cff"}  # fmt: skip
"""Page of the site of each document."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents of the root, with links relative to docs/."""
    for name, page in PAGES.items():
        content = re.sub(r"\]\(docs/", "](", (ROOT / name).read_text("utf-8"))
        files.append(File.generated(config, page, content=content))
    return files
