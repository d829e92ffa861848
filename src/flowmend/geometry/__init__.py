"""Maps on the pixel grid: warping, round trips and derivatives of flow (torch, channel first)."""
