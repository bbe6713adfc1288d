"""Which texts and pictures are let through: banned words found in whatever spelling, and what follows from it."""
