"""What importing the package does to the process."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("given", "policy"), [(None, ["PASSIVE", "1000"]), ("ACTIVE", ["ACTIVE", "None"])])
def test_threads_sleep_while_they_wait_unless_the_environment_says_otherwise(given, policy):
    chosen = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {name: value for name, value in os.environ.items() if name not in chosen}
    if given:
        environment["OMP_WAIT_POLICY"] = given
    code = f"import catenane, os, sys; print(*map(os.environ.get, {chosen}), 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [*policy, "False"]
