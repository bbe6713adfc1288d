"""Vermilion: a self-hosted gateway to generative media."""

__version__ = "0.1.0"
