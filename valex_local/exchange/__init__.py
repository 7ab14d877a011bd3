"""What comes from elsewhere, and what other tools read.

sources.py         files of scripts, recognised by their content; gemini.py reads responses of Gemini
script_parser.py   a script from elsewhere as a record; line_parser.py says what one line of it is
scripts.py         scripts as a variant of a study; posts.py finds the post that something is about
labels.py          labels as gold labels of a study (gold.py); annotations.py reads those of Label Studio
export/            the formats that other tools read
"""
