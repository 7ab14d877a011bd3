"""The model store: what models there are, where their files lie, and that those are the right ones.

manifests.py   the TOML files of models/: what a model is and how one comes by it; profiles
model.py       a model that is there
store.py       the store: looking models up and checking them
servers.py     models that a server on this machine holds: no files, only an address
intake.py      bringing models in; describe.py reads off unknown files what they are
packages.py    weights that Python packages carry, fetched with pip
archive.py     one archive to carry models, and with wheels.py the Python wheels, to a machine without network
files.py       writing files with their sum taken on the way
"""

from valex_local.store.archive import pack, unpack
from valex_local.store.intake import add, install
from valex_local.store.manifests import Manifest, Profile
from valex_local.store.model import StoredModel
from valex_local.store.store import Entry, Store

__all__ = ["Entry", "Manifest", "Profile", "Store", "StoredModel", "add", "install", "pack", "unpack"]
