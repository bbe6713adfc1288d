"""The contract of LinkrAPI: one key for one linked account."""
