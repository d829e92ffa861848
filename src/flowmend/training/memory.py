"""Memory that tensors free stays with the process."""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_LARGEST_TRIM, _LARGEST_MAP = 2**31 - 1, 2**30  # bytes


def keep_freed_memory() -> None:
    """Take memory from the system once, not again for every tensor.

    A training step makes and frees hundreds of maps of some MB. glibc would give each back to the
    system and get it page by page, full of zeros: an eighth of a refinement's training step
    (docs/benchmarks.md). Elsewhere than with glibc nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _LARGEST_TRIM)
        mallopt(_MMAP_THRESHOLD, _LARGEST_MAP)
