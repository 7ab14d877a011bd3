"""A short form of ``scripts/torture``, in a process of its own because it makes copies of itself."""

import subprocess
import sys


def test_a_killed_command_called_again_leaves_what_it_leaves_undisturbed():
    command = [sys.executable, "-m", "tests.torture", "--kills", "14", "--moments", "3", "--videos", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
