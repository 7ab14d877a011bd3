"""The study folder, which is the database: records of every post as plain files."""

from valex_local.study.study import WRITTEN, Study, side_files

__all__ = ["WRITTEN", "Study", "side_files"]
