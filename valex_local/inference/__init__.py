"""From labels to findings: samples with known probabilities, and estimates that hold where machine labels err."""
