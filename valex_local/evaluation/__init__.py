"""How good labels are: figures against gold labels, intervals, comparisons, calibration, agreement.

Everything counts by polarity (*present* against the rest, *conflicted* against the rest) and only where both the gold
labels and a route speak: what a route does not assess is never taken for *absent*.
"""
