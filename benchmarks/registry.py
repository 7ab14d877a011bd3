"""All benchmarks by name."""

from __future__ import annotations

BENCHMARKS = {
    "speech-fp32": "benchmarks.speech:fp32",
    "speech-int8": "benchmarks.speech:int8",
    "speakers": "benchmarks.speakers:speakers",
    "decode": "benchmarks.decode:decode",
    "ocr": "benchmarks.ocr:ocr",
    "captions": "benchmarks.captions:captions",
    "labels": "benchmarks.labels:labels",
    "fewshot": "benchmarks.fewshot:fewshot",
    "clip": "benchmarks.clip:clip",
    "prefetch": "benchmarks.prefetch:prefetch",
    "stages": "benchmarks.stages:stages",
    "pipeline": "benchmarks.pipeline:pipeline",
    "rerun": "benchmarks.rerun:rerun",
    "posts": "benchmarks.scaling:posts",
    "lengths": "benchmarks.scaling:lengths",
}
"""Name to function, in the order in which they are run; each is imported only when it is run."""
