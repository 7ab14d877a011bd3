"""Manifests and profiles: the TOML files of models/.

A manifest says what a model is and how one comes by it:

- `packages`: Python packages carry its files, pinned by version and SHA-256; ``valex models install`` fetches them.
- `shipped`: its files lie beside the manifest and came with this program.
- neither: a person fetches the files from `origin` on any machine and brings them with ``valex models add``. Sizes and
  sums that are not stated here are recorded then, in ``model.toml`` beside the files.
- the engine ``server``: a server on this machine holds the model (servers.py), so it has no files.

A profile names a model per role and the settings that suit them.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from valex_local.errors import ConfigError, ModelError
from valex_local.files.toml import read_toml
from valex_local.files.validation import explain, nearest
from valex_local.store import servers

Role = Literal["asr", "ocr", "clip", "llm", "sentence", "encoder", "labels"]
ROLES: tuple[str, ...] = get_args(Role)

RECORD = "model.toml"
"""Manifest that lies beside the files of a model in the store."""


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    bad = not path.parts or path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name
    if bad or str(path) != name or name == RECORD:
        raise ValueError("must be a plain relative path that stays in the model's folder")
    return name


ModelId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)]
FileName = Annotated[str, AfterValidator(_inside)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class File(_Table):
    """A file of a model; size (bytes) and sum are absent until they are known."""

    name: FileName
    size: int | None = Field(default=None, ge=0)
    sha256: Sha256 | None = None


class Package(_Table):
    """A Python package that carries model files.

    `members` maps a file of the model to the member of the wheel. A file named by several packages is their members
    joined in the order of the packages.
    """

    name: str
    version: str
    sha256: Sha256
    members: dict[FileName, str]


class Manifest(_Table):
    """What a model is, of which files it consists and how one comes by them.

    `requires` names models that this one rests on, such as the encoder below a head. `options` is what the engine must
    know to use it.
    """

    id: ModelId
    role: Role
    engine: str
    description: str = ""
    licence: str = ""
    origin: str = ""
    options: dict[str, Any] = {}
    requires: tuple[ModelId, ...] = ()
    shipped: bool = False
    files: tuple[File, ...] = ()
    packages: tuple[Package, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [file.name for file in self.files]
        if len(set(names)) != len(names):
            raise ValueError("a file is named twice")
        if self.on_server:
            self._check_server()
        elif not names and not self.shipped:
            raise ValueError("names no files")
        if self.packages:
            carried = {name for package in self.packages for name in package.members}
            if carried != set(names):
                raise ValueError(f"packages and files differ: {', '.join(sorted(carried ^ set(names)))}")
            if any(file.sha256 is None or file.size is None for file in self.files):
                raise ValueError("a file that a package carries has no size or sum")
        return self

    def _check_server(self) -> None:
        if self.files or self.shipped or self.role != "llm":
            raise ValueError("a server holds language models (role llm), which have no files here")
        try:
            servers.server_options(self.options)
        except ModelError as error:
            raise ValueError(error.what) from error

    @property
    def on_server(self) -> bool:
        """Whether a server on this machine holds the model."""
        return self.engine == servers.ENGINE

    @property
    def size(self) -> int | None:
        """Bytes of all files, or None where a size is not known."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def recorded(self, found: tuple[File, ...]) -> Manifest:
        """Return the manifest with what is now known of its files; what it already said stands."""
        known = {file.name: file for file in found}
        files = tuple(
            File(name=f.name, size=f.size if f.size is not None else k.size, sha256=f.sha256 or k.sha256)
            for f in self.files
            for k in (known.get(f.name, f),)
        )
        return self.model_copy(update={"files": files})

    def to_toml(self) -> str:
        """Return the manifest as TOML."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True, exclude_defaults=True))


class Profile(_Table):
    """A model per role, and the settings that suit them.

    `models` holds ids of the store; `settings` lies between the defaults and what the user asks for.
    """

    name: str
    description: str = ""
    models: dict[Role, str] = {}
    settings: dict[str, Any] = {}


def built_in() -> Path:
    """Return the folder of the manifests that came with this program.

    It is ``models/`` of the source tree, or its copy inside the installed package.
    """
    package = Path(__file__).resolve().parents[1]
    installed = package / "manifests"
    return installed if installed.is_dir() else package.parent / "models"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises
    ------
    ModelError
        The file is no manifest; the message names each bad key.
    """
    return parse(Manifest, _toml(path), path)


def read_manifests(folder: Path) -> dict[str, Manifest]:
    """Read all manifests of a folder, by id."""
    found = {path: read_manifest(path) for path in sorted(folder.glob("*.toml"))}
    for path, manifest in found.items():
        if manifest.id != path.stem:
            raise ModelError(f"the manifest's id {manifest.id} is not its file name", path=path)
    return {manifest.id: manifest for manifest in found.values()}


def profile_names() -> list[str]:
    """Return the names of the built-in profiles."""
    return sorted(path.stem for path in (built_in() / "profiles").glob("*.toml"))


def read_profile(name: str) -> Profile:
    """Read a built-in profile by name, or one of the user's by the path of its TOML file.

    Raises
    ------
    ConfigError
        There is no such profile.
    ModelError
        The file is no profile.
    """
    if name.endswith(".toml"):
        path = Path(name).expanduser()
    else:
        path = built_in() / "profiles" / f"{name}.toml"
        known = profile_names()
        if name not in known:
            near = nearest(name, known)
            hint = f"Did you mean {near}?" if near else f"There are: {', '.join(known)}; or the path of a TOML file"
            raise ConfigError(f"there is no profile {name}", hint=hint)
    return parse(Profile, {"name": path.stem} | read_toml(path), path)


_M = TypeVar("_M", bound=BaseModel)


def parse(kind: type[_M], data: Any, path: Path | str) -> _M:
    """Build a manifest or profile from plain data.

    Raises
    ------
    ModelError
        A key is unknown or a value is wrong; the message names each.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise ModelError(explain(kind, error), path=path) from error


def _toml(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except ConfigError as error:
        raise ModelError(error.what, path=path) from error
