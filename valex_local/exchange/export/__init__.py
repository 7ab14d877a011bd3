"""What other tools read: subtitles, screenplays, tables, annotation files.

formats.py       the table of formats
run.py           writes a format, whole or not at all
material.py      what of a study is exported: which posts, which scripts, whose labels
timing.py        lines of a script in whole milliseconds
screenplays.py subtitles.py elan.py tables.py arrow.py label_studio.py      the formats
"""

from valex_local.exchange.export.run import Exported, export_study

__all__ = ["Exported", "export_study"]
