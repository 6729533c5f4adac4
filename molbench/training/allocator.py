"""Keeping freed memory in the process.

glibc gives large blocks back to the kernel at once and asks for them anew, and the kernel hands out every
page zeroed, one page fault each. A training step allocates and frees the same few hundred MB again and again,
so on a CPU up to half of its time can go there (``benchmarks/allocator.py`` measures it).
"""

from __future__ import annotations

import ctypes
import os
import sys

# Numbers of <malloc.h>.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4


def tune_allocator() -> bool:
    """Tell glibc to serve large blocks from the heap and to keep the heap.

    No block is mapped on its own (``M_MMAP_MAX`` 0, which every glibc takes, where older ones refuse a large
    ``M_MMAP_THRESHOLD``), the heap is never trimmed, and it grows by 64 MiB at a time. All three are needed:
    setting one of the latter two alone switches off glibc's own adaptation and makes matters worse. The price
    is that the process keeps the most memory it ever held.

    To be called before the first tensor is made. Settings of the allocator in the environment are the user's
    wish and left alone.

    Returns:
        Whether anything was set: False without glibc, or where the environment says otherwise.
    """
    if not sys.platform.startswith("linux") or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    library = ctypes.CDLL(None)
    if "GLIBC_TUNABLES" in os.environ or not hasattr(library, "gnu_get_libc_version"):
        return False
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, -1), (_M_TOP_PAD, 64 * 2**20))
    return bool(sum(library.mallopt(name, value) for name, value in settings) == len(settings))
