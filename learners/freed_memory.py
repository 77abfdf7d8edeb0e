"""Keeping what an update frees for the next one, on the CPU.

glibc gives large blocks back to the system when they are freed, and the next update gets them anew, page by page and
cleared. For layers of some megabytes that takes as long as writing them does, for larger ones several times as long.
"""
from __future__ import annotations

import ctypes
import platform

# of <malloc.h>
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT = 1 << 30      # bytes
SMALLER = 1 << 25   # the largest mmap threshold of glibc before 2.35


def keep_freed_memory() -> None:
    """Blocks below `KEPT` bytes that this process frees stay with it from now on, as many as it ever had at once.

    In threads beside the main one only blocks below 64 MB do. Does nothing where there is no glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(M_TRIM_THRESHOLD, KEPT)
    if not libc.mallopt(M_MMAP_THRESHOLD, KEPT):
        libc.mallopt(M_MMAP_THRESHOLD, SMALLER)
