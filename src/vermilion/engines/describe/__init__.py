"""Describing a picture: what was measured of it, said in plain English. Nothing is made up."""
