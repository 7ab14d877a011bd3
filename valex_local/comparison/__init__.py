"""Compare two variants of the scripts of a study: what each keeps and adds, and how the labels change.

words.py       words of any language; lines.py: lines of scripts, and of recognised speech and text (evidence.py)
matching.py    matches lines of two scripts and compares their order
measures.py    figures of one post; figures.py: their means over posts, with intervals
similarity.py  similarity in meaning, by a sentence encoder
labels.py      labels of both scripts by the same routes, compared with each other and with gold labels
pair.py        the two variants and the posts that have both; compare.py compares them; results.py: the records
tables.py      tables and notes; forms.py prints them, files.py writes JSON, CSV and pages
pages.py       HTML pages with the scripts side by side (side_by_side.py)
"""
