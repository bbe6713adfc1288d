"""Local models and tools, run in worker processes; only the local provider uses them."""
