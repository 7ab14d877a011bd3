"""What a run could not do: files that became no posts, and steps that failed."""

from __future__ import annotations

from valex_local.records.base import CleanText, PlainName, Record

# --- what is about no single post -------------------------------------------------------------------------------------


class Intake(Record):
    """What the last search for posts left out or guessed, as far as it is about no single post (intake.json).

    `unmatched` lists the rows of the table of post texts that match no post.
    """

    unmatched: tuple[CleanText, ...] = ()


# --- failures ---------------------------------------------------------------------------------------------------------


class Failure(Record):
    """Why a step failed for a post (failures/<post_id>.<step>.json); `stage` names the step, or ``intake``."""

    post: PlainName
    stage: PlainName
    what: CleanText
    hint: CleanText | None = None
