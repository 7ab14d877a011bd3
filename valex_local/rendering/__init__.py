"""Render scripts: plain text for people and classifiers, Fountain, subtitles, lines with times."""
