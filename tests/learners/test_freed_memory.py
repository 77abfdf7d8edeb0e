"""Freed memory stays with the process."""
from __future__ import annotations

import platform
import subprocess
import sys

import pytest

CODE = """
import resource, sys, torch
from learners.freed_memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for size in (5_000_000, 10_000_000):        # floats, two at once
    torch.ones(size) + torch.ones(size)
before = faults()
for _ in range(10):
    torch.ones(10_000_000) + torch.ones(10_000_000)
print(faults() - before)
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or tuple(map(int, platform.libc_ver()[1].split("."))) < (2, 35),
    reason="older versions of glibc keep smaller blocks only")
def test_what_is_freed_is_used_again() -> None:
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", CODE, how], check=True, capture_output=True, text=True).stdout)
        for how in ("keep", "give back"))
    assert kept < given_back / 3
