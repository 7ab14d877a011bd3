"""Training of label models, and their evaluation on texts that they did not learn from.

train.py             the whole training, in order; the only module that callers need
options.py           all options
data.py              labelled texts, which outputs have support, the parts of a fold
auxiliary.py         further labels that the encoder learns besides the values
network.py           encoder and head
trainer.py           the training of one network
adapt.py             masked-language training before it
calibrate.py         calibration and thresholds, from held-out data
cross_validation.py  cross-validation, and the final model
figures.py           the figures reached
model.py             the model directory
slim.py              models that contain only what training changed of the encoder
"""
