"""The model store: what models there are, where their files lie, and that those are the right ones.

manifests.py   the TOML files of models/: what a model is and how one comes by it; profiles
sums.py        checksums, remembered; copying with the sum taken on the way
packages.py    weights that Python packages carry, fetched with pip
archive.py     one archive to carry models, and the Python wheels, to a machine without network
store.py       the store itself
"""

from valex_local.store.manifests import Manifest, Profile
from valex_local.store.store import Entry, Store, StoredModel

__all__ = ["Entry", "Manifest", "Profile", "Store", "StoredModel"]
