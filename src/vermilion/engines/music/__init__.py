"""Music from a text: words → brief → score → sound. Composed by rules and played from recordings of instruments;
no neural network is involved, and every file says so in its metadata.
"""
