"""Import scripts and labels into a study, and export a study in formats that other tools read.

sources.py         reads files of scripts, recognised by their content; gemini.py: responses of Gemini
script_parser.py   parses the text of a script into a record; line_parser.py: one line of it
scripts.py         imports scripts as a variant; posts.py: finds the post that a script or label is about
labels.py          imports labels as gold labels (gold.py); annotations.py: exports of Label Studio
export/            export formats
"""
