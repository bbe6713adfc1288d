"""Scenes to pixels. Everything is a function of world coordinates, so a wider camera sees the same world."""
