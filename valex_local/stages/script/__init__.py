"""The script stage: arranges a post's evidence as a screenplay, without rewording speech or on-screen text.

evidence.py   the numbered evidence: speech, on-screen text, keyframes and post text
scenes.py     divides evidence into scenes, and is the only module that inserts its words into them
template.py   the writer without a language model
llm.py        the writer with one: question.py decides what it is asked, prompt.py asks, checks.py checks the answer
names.py      rules for speakers' names; grounded.py and wording.py, rules for lines that a writer adds
speakers.py   lines divided where the speaker changes
writers.py    the interface of writers
"""

from valex_local.rendering.render import render
from valex_local.stages.script.stage import ScriptStage

__all__ = ["ScriptStage", "render"]
