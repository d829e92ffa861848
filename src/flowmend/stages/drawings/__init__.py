"""Each figure from the files of a scale: (Study) -> Drawing, one module a subject."""
