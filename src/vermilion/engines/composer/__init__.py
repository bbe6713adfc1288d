"""Prompt to picture by composing a scene procedurally: request → plan → layers → finish.

No diffusion model is involved, and every picture says so in its metadata.
"""
