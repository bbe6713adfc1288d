"""Benchmarks of the running gateway, always as ratios against peers measured in the same run."""
