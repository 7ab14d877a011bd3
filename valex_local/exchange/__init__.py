"""What comes from elsewhere, and what other tools read.

sources.py   files of scripts, told apart by what they hold; gemini.py reads what Gemini answered
foreign.py   a script from elsewhere as our record; lines.py says what one line of it is
posts.py     which post of a study something is about
scripts.py   scripts as a variant of a study
"""

from valex_local.exchange.scripts import Imported, import_scripts

__all__ = ["Imported", "import_scripts"]
