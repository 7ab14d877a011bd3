"""Export a study as subtitles, screenplays, tables or annotation files for other tools.

formats.py     the table of formats
run.py         writes a format, completely or not at all
selection.py   selects the posts, scripts and labels to export
screenplays.py subtitles.py elan.py tables.py arrow.py label_studio.py      the formats
"""
