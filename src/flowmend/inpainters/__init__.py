"""One protocol: a clip in, a completion out."""
