"""Speed as ratios: every benchmark compares our way with another one in the same run, and checks the quality too."""
