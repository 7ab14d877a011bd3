"""A short form of ``scripts/torture``, in a process of its own because it makes copies of itself."""

import subprocess
import sys

from tests.cases.test_escapes import all_commands
from tests.torture import NOT_KILLED, SCENARIOS


def test_no_command_is_missing():
    killed = {name for name in all_commands() for one in SCENARIOS if " ".join(one.words).startswith(name)}
    assert killed | set(NOT_KILLED) == set(all_commands()) and not killed & set(NOT_KILLED)


def test_a_killed_command_called_again_leaves_what_it_leaves_undisturbed():
    command = [sys.executable, "-m", "tests.torture", "--kills", "23", "--moments", "3", "--videos", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
