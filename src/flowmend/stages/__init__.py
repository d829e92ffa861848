"""One module per DAG stage: read files, call the floors below, write files."""
