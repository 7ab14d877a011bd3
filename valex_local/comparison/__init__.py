"""Two variants of the scripts of a study beside each other: what each keeps and adds, and what becomes of the labels.

words.py     words of any language; lines.py the lines of scripts, and of what was heard and read (evidence.py)
matching.py  which line is which, and whether lines stand in one order
measures.py  the figures of a post; figures.py their means over posts, with intervals
meaning.py   similarity by a sentence encoder
labels.py    the same routes on both scripts, and both against gold labels
pair.py      the two variants and the posts that have both; compare.py compares them; results.py is what comes of it
tables.py    tables and notes; forms.py prints them, files.py writes JSON and CSV
pages.py     HTML: the scripts side by side, as sides.py lays them
"""
