"""The labels stage: a state for each of the 19 values, by one of several routes.

stage.py, routes.py   the stage, and the interface of routes (their table is in `stages.label_routes`)
encoder.py            the encoder route; model.py, card.py, text_encoder.py and int8.py load and run its models, and
                      evidence.py finds the lines on which their probabilities rest
fewshot.py, direct.py the routes that ask a language model, about a script or about the video itself
llm_labeller.py       how these ask; questions.py, prompt.py, definitions.py, examples.py, lines.py and answers.py help
texts.py              labels of texts without a study; checkpoint.py saves them on the way
"""

from valex_local.stages.labels.stage import LabelStage

__all__ = ["LabelStage"]
