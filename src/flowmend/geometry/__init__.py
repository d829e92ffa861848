"""Maps on the pixel grid: warps, round trips, derivatives."""
