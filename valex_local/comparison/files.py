"""Write a comparison into a folder as JSON, CSV and pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from valex_local.comparison.pages import index_page, post_page
from valex_local.comparison.pair import VariantPair
from valex_local.comparison.results import Comparison, Measures, PostComparison, RouteComparison, Shared
from valex_local.errors import ConfigError
from valex_local.evaluation.agreement import ValueAgreement, View, mean
from valex_local.files.atomic import is_part, write_whole, writing
from valex_local.files.removing import remove
from valex_local.files.tables import Cell, table_text
from valex_local.report.links import COMPARISONS, POSTS, REPORT, comparison_name, page_name
from valex_local.schwartz import CIRCLE, Polarity, State, Value

JSON, POSTS_CSV, LABELS_CSV, INDEX = "comparison.json", "posts.csv", "labels.csv", "index.html"


def check_folder(folder: Path) -> None:
    """Check that a comparison can be written into a folder, so that a long computation is not lost at the end.

    Raises
    ------
    ConfigError
        The path is a file, or a folder that contains something other than a comparison.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError("this is a file, not a folder", path=folder, hint="Choose a new folder with -o")
    names = {path.name for path in folder.iterdir() if not is_part(path.name)} if folder.is_dir() else set()
    # An interrupted comparison may have made only the folder of its pages.
    if names and JSON not in names and (names != {POSTS} or any((folder / POSTS).iterdir())):
        raise ConfigError(
            "this folder is not empty and contains no comparison", path=folder, hint="Choose a new folder with -o"
        )


def write_folder(comparison: Comparison, pair: VariantPair, folder: Path, *, in_report: bool = False) -> None:
    """Write ``comparison.json``, ``posts.csv``, ``labels.csv``, ``index.html`` and a page for each post.

    Each file is written completely or not at all, ``index.html`` last. Pages of an earlier comparison in the same
    folder are removed.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    pair : VariantPair
        The scripts compared, for the pages of posts.
    folder : Path
        The folder, which is made if it does not exist.
    in_report : bool
        Whether the folder is that of the comparison in the study's report (see `report_folder`), so that its pages link
        to those of the report.

    Raises
    ------
    ConfigError
        The folder contains something other than a comparison.
    StudyError
        The folder cannot be written to.
    """
    check_folder(folder)
    pages = {page_name(post.post): post for post in comparison.posts}
    with writing(folder):
        # One by one, because mkdir(parents=True) would make the parents readable for others.
        for made in (*reversed([p for p in folder.parents if not p.exists()]), folder, folder / POSTS):
            made.mkdir(mode=0o700, exist_ok=True)
    write_whole(folder / JSON, comparison.to_json().encode())
    write_whole(folder / POSTS_CSV, posts_csv(comparison).encode())
    write_whole(folder / LABELS_CSV, labels_csv(comparison).encode())
    for name, post in pages.items():
        write_whole(folder / POSTS / name, post_page(comparison, post, pair, in_report=in_report).encode())
    with writing(folder):
        for path in (folder / POSTS).glob("*.html"):
            if path.name not in pages:
                remove(path, inside=folder)
    write_whole(folder / INDEX, index_page(comparison, in_report=in_report).encode())


def report_folder(pair: VariantPair) -> Path:
    """Return the folder of a comparison in the report of its study."""
    return pair.study.root / REPORT / COMPARISONS / comparison_name(pair.first, pair.second)


# --- CSV ------------------------------------------------------------------------------------------------------------


def posts_csv(comparison: Comparison) -> str:
    """Return a table with the figures of both scripts of each post, and the states that differ by each route."""
    names = (comparison.first, comparison.second)
    head = ["post", "author", *(f"{name}_{figure}" for figure in Measures.model_fields for name in names)]
    head += [*Shared.model_fields]
    for route in comparison.routes:
        head += [f"states_agreeing_{route.route}", f"states_differing_{route.route}"]
    return table_text([[*head, "missing"], *(_post_row(post, comparison.routes) for post in comparison.posts)])


def _post_row(post: PostComparison, routes: Sequence[RouteComparison]) -> Iterator[Cell]:
    yield from (post.post, post.author)
    for figure in Measures.model_fields:
        yield from (getattr(post.first, figure), getattr(post.second, figure))
    yield from (getattr(post.shared, figure) for figure in Shared.model_fields)
    labels = {label.route: label for label in post.labels}
    for route in routes:
        label = labels.get(route.route)
        yield None if label is None else label.agreeing
        changes = () if label is None else label.changes
        yield "; ".join(f"{change.value}: {change.first} → {change.second}" for change in changes)
    yield "; ".join(post.missing)


_STATES = (State.PRESENT, State.ABSENT, State.CONFLICTED)
_CHANGES = tuple((one, other) for one in _STATES for other in _STATES if one is not other)


def labels_csv(comparison: Comparison) -> str:
    """Return a table with agreement, states that differ, and (with gold labels) F1 of each route and value."""
    first, second = comparison.first, comparison.second
    head = ["route", "value"]
    for view in View:
        head += [f"{view}_{figure}" for figure in ("posts", "agreeing", "kappa", "alpha")]
    head += [f"{first}_{one}_{second}_{other}" for one, other in _CHANGES]
    for polarity in Polarity if comparison.gold is not None else ():
        head += [f"{polarity}_support", f"{first}_{polarity}_f1", f"{second}_{polarity}_f1"]
    rows = (_value_row(comparison, route, value) for route in comparison.routes for value in CIRCLE)
    return table_text([head, *rows])


def _value_row(comparison: Comparison, route: RouteComparison, value: Value) -> Iterator[Cell]:
    views = () if route.agreement is None else route.agreement.views
    found = {view.view: each for view in views for each in view.values if each.value is value}
    counts = {(c.first, c.second): c.posts for c in route.changes if c.value is value}
    yield from (route.route, value.value)
    for view in View:
        yield from _agreement(found.get(view))
    for change in _CHANGES:
        # A state cannot change to or from a polarity that is not assessed.
        assessed = View.STATE if State.CONFLICTED in change else View.PRESENT
        yield counts.get(change, 0 if assessed in found else None)
    if comparison.gold is not None:
        for polarity in Polarity:
            yield from _gold(comparison, route.route, value, polarity)


def _agreement(found: ValueAgreement | None) -> tuple[Cell, ...]:
    if found is None:
        return (None,) * 4
    shares, kappas = [p.agreeing for p in found.pairs], [p.kappa for p in found.pairs]
    return found.items, mean(shares), mean(kappas), found.alpha


def _gold(comparison: Comparison, route: str, value: Value, polarity: Polarity) -> Iterator[Cell]:
    """Yield the support of a value and its F1 for both scripts."""
    routes = {each.name: each for each in (comparison.gold.routes if comparison.gold is not None else ())}
    both = [routes[f"{name}.{route}"].of(polarity).values for name in (comparison.first, comparison.second)]
    found = [next((figures for figures in values if figures.value is value), None) for values in both]
    yield next((figures.support for figures in found if figures is not None), None)
    yield from (None if figures is None else figures.f1 for figures in found)
