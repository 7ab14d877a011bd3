"""A report to look at: static pages of a study, which open from disk and load nothing from anywhere.

gather.py     what a study holds of one post
lines.py      a script as the lines that a page shows
overview.py   what the study page says of all posts, gathered post by post
counts.py     the figures behind the charts of values
words.py      what the list of posts is searched in
svg.py        how charts are drawn: circle.py, matrix.py, histogram.py, timeline.py
views.py      one post as its page tells it
summary.py    the study as its page tells it
links.py      addresses of pages and files
pages.py      rendering and writing
"""

from valex_local.report.pages import Written, write_report

__all__ = ["Written", "write_report"]
