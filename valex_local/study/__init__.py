"""The study folder, which is the database: the records of every post as plain files."""

from valex_local.study.lock import output
from valex_local.study.state_summaries import state_summaries
from valex_local.study.study import Study, side_files
from valex_local.study.variants import WRITTEN, LabelKey, script_rank

__all__ = ["WRITTEN", "LabelKey", "Study", "output", "script_rank", "side_files", "state_summaries"]
