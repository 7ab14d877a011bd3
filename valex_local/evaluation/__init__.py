"""Measure labels: figures against gold labels, intervals, comparisons of routes, calibration, agreement.

All figures are by polarity (*present* against the rest, *conflicted* against the rest) and over the items that both the
gold labels and a route assess: what a route does not assess never counts as *absent*.
"""
