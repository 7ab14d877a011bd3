"""Turn Whisper weights for CTranslate2 into a checkpoint for openai-whisper.

python scripts/convert_whisper.py MODEL_DIRECTORY OUT.pt
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from valex_local.stages.speech.convert import convert

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    torch.save(convert(Path(sys.argv[1])), sys.argv[2])
