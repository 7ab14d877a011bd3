"""Parse a page as a browser does."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LINKING = {"href", "src", "poster"}


@dataclass
class Tag:
    name: str
    attributes: dict[str, str | None]


@dataclass
class Page(HTMLParser):
    """The tags and texts of a page, in order."""

    tags: list[Tag] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"<{tag}> has an attribute twice"
        self.tags.append(Tag(tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the structure of the page: names of tags and of their attributes."""
        return [(tag.name, tuple(sorted(tag.attributes))) for tag in self.tags]

    @property
    def ids(self) -> list[str]:
        return [value for tag in self.tags if (value := tag.attributes.get("id"))]

    def links(self) -> list[tuple[str, str]]:
        return [
            (tag.name, value)
            for tag in self.tags
            for name in LINKING
            if (value := tag.attributes.get(name)) is not None
        ]


def parse(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    return page


def broken_links(path: Path) -> list[str]:
    """Return the links of a page that lead nowhere, or to something other than local files."""
    page = parse(path.read_text("utf-8"))
    wrong = []
    for name, link in page.links():
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or parts.query:
            wrong.append(link)
        elif not parts.path:
            if unquote(parts.fragment) not in page.ids:
                wrong.append(link)
        elif not (path.parent / unquote(parts.path)).is_file():
            wrong.append(f"{name}: {link}")
    return wrong
