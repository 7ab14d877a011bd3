"""What may be shown of a study to others: pseudonyms in place of names.

pseudonyms.py  keyed pseudonyms, and finding names in text
copies.py      a copy of a study in which every record carries pseudonyms, for whatever is written from it
"""
