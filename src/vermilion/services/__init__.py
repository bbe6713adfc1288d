"""What Vermilion can do, one verb a file; each function owns at most one transaction and never sees a request."""
