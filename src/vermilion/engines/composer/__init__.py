"""Prompt to picture by composing a scene: prompt → reading → scene → picture; follow-ups change the scene.

No diffusion model is involved, and every picture says so in its metadata.
"""
