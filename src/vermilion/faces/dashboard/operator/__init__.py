"""The operators' pages, one file each."""
