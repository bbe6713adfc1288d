"""Vermilion's own API under /v1 and /admin/v1."""
