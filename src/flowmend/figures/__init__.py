"""One small function per figure of the report; pure functions of files."""
