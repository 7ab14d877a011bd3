"""All benchmarks by name."""

from __future__ import annotations

BENCHMARKS = {
    "speech-fp32": "valex_local.bench.speech:fp32",
    "speech-int8": "valex_local.bench.speech:int8",
    "decode": "valex_local.bench.decode:decode",
    "reading": "valex_local.bench.reading:reading",
    "labels": "valex_local.bench.labels:labels",
    "fewshot": "valex_local.bench.fewshot:fewshot",
    "sight": "valex_local.bench.sight:sight",
    "ahead": "valex_local.bench.ahead:ahead",
    "stages": "valex_local.bench.stages:stages",
    "sweep": "valex_local.bench.pipeline:sweep",
    "again": "valex_local.bench.again:again",
    "posts": "valex_local.bench.growth:posts",
    "lengths": "valex_local.bench.growth:lengths",
}
"""Name to function, in the order in which they are run; none is imported before its turn."""
