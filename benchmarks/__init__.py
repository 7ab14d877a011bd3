"""Speed as ratios: every benchmark holds our way against another one, in one run, with a gate of quality beside it."""
