"""Write a report of a study: static HTML pages that open from disk and load nothing from a network.

gather.py     reads all records of one post
overview.py   summarises all posts for the study page, one post at a time
counts.py     counts states by value, pair of values and author, for the charts
words.py      builds the search index of the list of posts
svg.py        draws charts: circle.py, matrix.py, histogram.py, timeline.py
views.py      content of a post's page
summary.py    content of the study page
links.py      relative links between pages and files
pages.py      renders and writes the pages
"""

from valex_local.report.pages import Written, write_report

__all__ = ["Written", "write_report"]
