"""One visible loop per idea."""
