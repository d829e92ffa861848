"""Networks that mend flow; constructors take numbers, never a config."""
