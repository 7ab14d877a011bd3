"""The model store: which models there are, where their files are, and whether these are the right ones.

manifests.py   the TOML files of models/: what a model is and how to get it; profiles
model.py       an installed model
store.py       the store: finding and checking models
servers.py     models on a server of this machine, with an address instead of files
intake.py      adding and installing models; describe.py recognises the files of unknown models, loadable.py refuses
               what no engine could load
removal.py     removing models
packages.py    weights in Python packages, downloaded with pip
downloads.py   files from Hugging Face, downloaded with hub.py in a process of its own
archive.py     archives of models and, with wheels.py, of Python wheels, for machines without network
files.py       writing files while computing their checksums
engines.py     finding the engine that a manifest names
"""

from valex_local.store.archive import pack, unpack
from valex_local.store.downloads import FileProgress
from valex_local.store.intake import add, install
from valex_local.store.manifests import Manifest, Profile
from valex_local.store.model import StoredModel
from valex_local.store.store import Entry, Store

__all__ = ["Entry", "FileProgress", "Manifest", "Profile", "Store", "StoredModel", "add", "install", "pack", "unpack"]
