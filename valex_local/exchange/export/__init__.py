"""What other tools read: subtitles, screenplays, tables, annotation files.

formats.py     the table of formats
run.py         writes a format, whole or not at all
selection.py   what of a study is exported: which posts, which scripts, whose labels
screenplays.py subtitles.py elan.py tables.py arrow.py label_studio.py      the formats
"""
