"""Pages of the site that lie outside docs/: README is its first page, and the other documents of the root follow.

`mkdocs.yml` names this file; mkdocs calls `on_files`.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md",
         "SECURITY.md": "SECURITY.md", "CITATION.cff": "CITATION.cff"}  # fmt: skip
"""Document of the root to page of the site."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents of the root, with links as they are seen from docs/."""
    for name, page in PAGES.items():
        content = re.sub(r"\]\(docs/", "](", (ROOT / name).read_text("utf-8"))
        files.append(File.generated(config, page, content=content))
    return files
