from __future__ import annotations

import subprocess
import sys
import textwrap


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_room_loads_no_engine() -> None:
    code = """
        import sys
        import valex_local.llm, valex_local.llm.llama_cpp, valex_local.stages.script, valex_local.stages.script.llm
        print({"llama_cpp", "torch", "numpy"} & set(sys.modules))
    """
    assert run(code) == "set()\n"


def test_without_the_library_it_says_which_extra_brings_it() -> None:
    code = """
        import sys
        sys.modules["llama_cpp"] = None
        from pathlib import Path
        from valex_local.system.devices import Device
        from valex_local.errors import MissingExtra
        from valex_local.llm import load_language_model
        from valex_local.store import StoredModel
        model = StoredModel(id="m", role="llm", engine="llama_cpp", folder=Path("."), digest="0" * 64)
        try:
            load_language_model(model, Device("cpu", 1), context=512)
        except MissingExtra as error:
            print(error)
    """
    assert run(code) == 'llama_cpp is not installed. Install it with: pip install "valex_local[llm]"\n'
