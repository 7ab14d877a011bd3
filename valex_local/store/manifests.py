"""Manifests and profiles: the TOML files of models/.

A manifest says what a model is and how to get it:

- `packages`: Python packages, pinned by version and SHA-256, contain its files; ``valex models install`` gets them.
  With `archive`, what they contain is a zip file with the files of the model.
- `source`: a repository of Hugging Face at a fixed revision contains its files; ``valex models install`` gets them too.
  Without a revision the newest one is taken, and recorded.
- `shipped`: its files are next to the manifest, bundled with this program.
- neither: the user downloads the files from `origin` on any machine and adds them with ``valex models add``.
- the engine ``server``: the model is on a server of this machine (servers.py), so it has no files.

Sizes and checksums that are not stated are recorded when the model is installed or added, in ``model.toml`` next to the
files: as Hugging Face states them, or as they were found.

A profile names a model per role and settings that suit them.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from valex_local.errors import ConfigError, ModelError
from valex_local.files.toml import read_toml
from valex_local.files.validation import explain, nearest
from valex_local.store import servers

Role = Literal["asr", "aligner", "speaker", "ocr", "clip", "detector", "llm", "sentence", "encoder", "labels"]
ROLES: tuple[str, ...] = get_args(Role)

RECORD = "model.toml"
"""The manifest next to the files of a model in the store."""


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
    """A file of a model; size (bytes) and checksum are None until they are known."""

    name: FileName
    size: int | None = Field(default=None, ge=0)
    sha256: Sha256 | None = None


class Package(_Table):
    """A Python package that contains model files.

    `members` maps a file of the model to a member of the wheel. A file named by several packages consists of their
    members, joined in the order of the packages.
    """

    name: str
    version: str
    sha256: Sha256
    members: dict[FileName, str]


class Source(_Table):
    """A repository of Hugging Face; `revision` is a commit, None until it is known."""

    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None

    def __str__(self) -> str:
        """Return it in words."""
        return f"Hugging Face: {self.repo}" + (f", revision {self.revision}" if self.revision else "")


class Archive(File):
    """A zip file in packages that contains model files.

    Like a file of the model it consists of members of the packages; `members` maps a file of the model to its path in
    the zip file.
    """

    members: dict[FileName, str]


class Manifest(_Table):
    """What a model is, which files it consists of and how to get them.

    `requires` names models that this one needs, such as the encoder of a label model. `options` are for the engine.
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
    archive: Archive | None = None
    source: Source | None = None

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
            self._check_packages()
        elif self.archive is not None:
            raise ValueError("an archive needs packages that contain it")
        if self.source is not None and (self.shipped or self.on_server):
            raise ValueError("has a source, although its files are not downloaded")
        return self

    def _check_packages(self) -> None:
        names = {file.name for file in self.files}
        packed = {name for package in self.packages for name in package.members}
        if self.archive is not None:
            names |= {self.archive.name}
            packed |= self.archive.members.keys()
            twice = self.archive.members.keys() & {name for package in self.packages for name in package.members}
            if twice or self.archive.name in self.archive.members:
                raise ValueError("a file is both in the archive and outside it")
        if packed != names:
            raise ValueError(f"packages and files differ: {', '.join(sorted(packed ^ names))}")
        archive = () if self.archive is None else (self.archive,)
        if any(file.sha256 is None or file.size is None for file in (*self.files, *archive)):
            raise ValueError("a file in a package has no size or checksum")

    def _check_server(self) -> None:
        if self.files or self.shipped or self.role != "llm":
            raise ValueError("models on a server are language models (role llm) without files")
        try:
            servers.server_options(self.options)
        except ModelError as error:
            raise ValueError(error.what) from error

    @property
    def on_server(self) -> bool:
        """Whether the model is on a server of this machine."""
        return self.engine == servers.ENGINE

    @property
    def size(self) -> int | None:
        """Size of all files, bytes; None if one is not known."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def packed_size(self) -> int:
        """Size of the model's files as its packages hold them, bytes."""
        outside = (file for file in self.files if self.archive is None or file.name not in self.archive.members)
        return sum(file.size or 0 for file in (*outside, *filter(None, [self.archive])))

    @property
    def comes_from(self) -> str:
        """Where the files come from, in words."""
        return str(self.source) if self.source is not None else self.origin

    def recorded(self, found: tuple[File, ...], source: Source | None = None) -> Manifest:
        """Return the manifest with missing sizes, checksums and revision completed from what was found."""
        known = {file.name: file for file in found}
        files = tuple(
            File(name=f.name, size=f.size if f.size is not None else k.size, sha256=f.sha256 or k.sha256)
            for f in self.files
            for k in (known.get(f.name, f),)
        )
        own = self.source
        if own is not None and own.revision is None and source is not None and source.repo == own.repo:
            own = source
        return self.model_copy(update={"files": files, "source": own})

    def to_toml(self) -> str:
        """Return the manifest as TOML."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True, exclude_defaults=True))


class Profile(_Table):
    """A model per role, and settings that suit them.

    `models` maps roles to ids of the store; `settings` override the defaults and are overridden by the user's.
    """

    name: str
    description: str = ""
    models: dict[Role, str] = {}
    settings: dict[str, Any] = {}


def built_in_folder() -> Path:
    """Return the folder of the built-in manifests: ``models/`` of the source tree, or its copy in the package."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "manifests"
    return installed if installed.is_dir() else package.parent / "models"


def read_manifest(path: Path) -> Manifest:
    """Return the manifest in a file.

    Raises
    ------
    ModelError
        The file is not a manifest; the message names each wrong key.
    """
    return parse(Manifest, _toml(path), path)


def read_manifests(folder: Path) -> dict[str, Manifest]:
    """Return all manifests of a folder, by id."""
    found = {path: read_manifest(path) for path in sorted(folder.glob("*.toml"))}
    for path, manifest in found.items():
        if manifest.id != path.stem:
            raise ModelError(f"the manifest's id {manifest.id} is not its file name", path=path)
    return {manifest.id: manifest for manifest in found.values()}


def profile_names() -> list[str]:
    """Return the names of the built-in profiles."""
    return sorted(path.stem for path in (built_in_folder() / "profiles").glob("*.toml"))


def read_profile(name: str) -> Profile:
    """Return a built-in profile by name, or one of the user's by the path of its TOML file.

    Raises
    ------
    ConfigError
        There is no such profile.
    ModelError
        The file is not a profile.
    """
    if name.endswith(".toml"):
        path = Path(name).expanduser()
    else:
        path = built_in_folder() / "profiles" / f"{name}.toml"
        known = profile_names()
        if name not in known:
            near = nearest(name, known)
            hint = f"Did you mean {near}?" if near else f"There are: {', '.join(known)}; or the path of a TOML file"
            raise ConfigError(f"there is no profile {name}", hint=hint)
    return parse(Profile, {"name": path.stem} | read_toml(path), path)


_M = TypeVar("_M", bound=BaseModel)


def parse(kind: type[_M], data: Any, path: Path | str) -> _M:
    """Return a manifest or profile built from plain data.

    Parameters
    ----------
    kind : type
        `Manifest` or `Profile`.
    data : dict
        The plain data.
    path : Path or str
        Where the data come from, for messages.

    Returns
    -------
    Manifest or Profile
        An instance of `kind`.

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
