"""Fingerprints, which identify a record before it is made by what it is made with and the content of all it reads.

Only the content of the records read enters, not how they were made: an upstream change that does not change their
content stops there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from valex_local.files.checksums import canonical

SEVERAL = "speakers.several?"
"""Who speaks when, where several people do."""

_NOT_CONTENT = frozenset({"fingerprint", "made_by", "schema_version"})


def content(name: str, post: Mapping[str, Any], records: Mapping[str, Any]) -> Any:
    """Return what a fingerprint covers under one name of `StageSpec.reads`.

    Parameters
    ----------
    name : str
        ``video`` (all files of the post), ``post.text``, the stem of a record, one field of a record, or
        ``speakers.several?`` (who speaks when, None unless there are several speakers).
    post, records : dict
        The post and the records read, by stem, as JSON data.

    Returns
    -------
    JSON data
        The part of the post or record that the name refers to.
    """
    if name == "video":
        return _files(post)
    if name == SEVERAL:
        return _several(records.get("speakers"))
    if name in records:
        return {key: value for key, value in records[name].items() if key not in _NOT_CONTENT}
    stem, _, part = name.partition(".")
    return (post if stem == "post" else records[stem]).get(part)


def _files(post: Mapping[str, Any]) -> Any:
    """Return the checksums of a post's files; of a video alone its checksum, as in studies without photo posts."""
    video = post["video"]["sha256"] if post["video"] else None
    pictures, sound = [file["sha256"] for file in post.get("pictures") or ()], post.get("sound")
    if not pictures and not sound:
        return video
    return {"video": video, "pictures": pictures, "sound": sound["sha256"] if sound else None}


def _several(speakers: Mapping[str, Any] | None) -> Any:
    """Return who speaks when; None if that changes nothing in a script, as every line is then by the same speaker."""
    segments = () if speakers is None else speakers.get("segments") or ()
    return segments if len({segment["speaker"] for segment in segments}) > 1 else None


def is_covered(name: str, found: Any) -> bool:
    """Return whether a fingerprint covers what was found under a name: all but what may be missing, and is."""
    return found is not None or not name.endswith("?")


def fingerprint(
    made_by: Mapping[str, Any], reads: Sequence[str], post: Mapping[str, Any], records: Mapping[str, Any]
) -> str:
    """Return the fingerprint of a record.

    Parameters
    ----------
    made_by : dict
        Stage, settings and models of the record to be made, as JSON data.
    reads : sequence of str
        As `StageSpec.reads`.
    post, records : dict
        The post and the records read, by stem, as JSON data.

    Returns
    -------
    str
        SHA-256 in hex.
    """
    found = {name: content(name, post, records) for name in reads}
    return fingerprint_of(
        canonical(made_by), {name: canonical(part) for name, part in found.items() if is_covered(name, part)}
    )


def fingerprint_of(made_by: bytes, inputs: Mapping[str, bytes]) -> str:
    """Return the fingerprint of a record, given parts in canonical form that several records may share.

    Parameters
    ----------
    made_by : bytes
        Stage, settings and models of the record to be made.
    inputs : dict of str to bytes
        Each name of `StageSpec.reads` to its content.
    """
    read = b",".join(b"%b:%b" % (canonical(name), inputs[name]) for name in sorted(inputs))
    return _sha256(b'{"inputs":{%b},"made_by":%b}' % (read, made_by))


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
