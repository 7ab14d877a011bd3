"""Records made by any version bear fingerprints of one definition: a change of it would make every study due."""

import hashlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from valex_local.files.checksums import canonical, content_hash
from valex_local.pipeline.fingerprints import fingerprint, fingerprint_of

# As records hold them: times of three decimals, probabilities and scores of four.
numbers = st.floats(-1e6, 1e6).map(lambda x: round(x, 3)) | st.floats(-1, 1).map(lambda x: round(x, 4))
leaves = st.none() | st.booleans() | st.integers() | numbers | st.text()
data = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def slowly(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@settings(deadline=None)
@given(data)
def test_the_canonical_form_is_that_of_the_standard_library(value):
    assert canonical(value) == slowly(value)
    assert content_hash(value) == hashlib.sha256(slowly(value)).hexdigest()


@settings(deadline=None, max_examples=30)
@given(data, st.dictionaries(st.text(), data))
def test_a_fingerprint_is_the_sum_of_the_making_and_all_that_is_read(made_by, inputs):
    texts = {name: canonical(value) for name, value in inputs.items()}
    whole = {"made_by": made_by, "inputs": inputs}
    assert fingerprint_of(canonical(made_by), texts) == hashlib.sha256(slowly(whole)).hexdigest()


def test_fingerprints_of_finished_studies_hold():
    post = {"video": {"sha256": "0" * 64}, "text": {"caption": "für 12 €", "genre": None}}
    records = {
        "media": {"fingerprint": "f", "made_by": {}, "schema_version": 1, "duration": 27.0, "shots": [{"end": 0.6}]},
        "transcript": {"fingerprint": "f", "schema_version": 1, "segments": [{"text": '"Oh"\n', "voice": 0.0001}]},
    }
    made_by = {"stage": "script", "version": 1, "settings": {"mumbled_logprob": -0.7, "seed": 0}, "models": {}}
    reads = ("video", "post.text", "media.duration", "media.shots", "transcript")
    expected = "6f17656a68ef78095019763a73234ab4831f98d2494b63d875f4b3a6376624b7"
    assert fingerprint(made_by, reads, post, records) == expected
