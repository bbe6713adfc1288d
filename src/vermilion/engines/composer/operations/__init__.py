"""What can be asked of the composer, one group of operations a file."""
