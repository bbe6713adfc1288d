"""The customers' pages, one file each."""
