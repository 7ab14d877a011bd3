"""Scripts: a post's evidence as a screenplay that adds no words to what was heard and read.

evidence.py   what was heard, read, seen and published, numbered
scenes.py     how evidence falls into scenes, and the one place that puts its words into them
template.py   the writer without a language model
llm.py        the writer with one; prompt.py asks, checks.py takes from the answer what may enter
wording.py    what lines of a writer's own may look like
render.py     paper text, Fountain, JSON
"""

from valex_local.rendering.render import render
from valex_local.stages.script.stage import ScriptStage

__all__ = ["ScriptStage", "render"]
