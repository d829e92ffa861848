"""Loops over pixels, compiled at their first call (Numba): arrays in, arrays filled.

What PyTorch does map by map costs as much memory traffic as there are operations; one loop does it
all while a pixel's channels are at hand. ``networks`` calls them on the CPU; other devices and half
precision take the same formulas map by map.

A loop's compiled form on disk is made anew when its own file changes, not when another does that
it calls: what loops call stands in their file.
"""
