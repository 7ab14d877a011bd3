"""Training of label models, and what they reach on texts they never saw.

recipe.py     the whole, in order; the only thing a caller needs
options.py    every option
data.py       labelled texts, which outputs have support, the parts of a fold
folds.py      folds that never part a group
network.py    encoder and head
loop.py       one training
adapt.py      masked-language training before it
calibrate.py  calibration and thresholds, from data kept aside
protocol.py   cross-validation, and the model that is kept
figures.py    what was reached
model.py      the model directory
"""
