"""A picture as plain data: what is where, in which light, seen by which camera."""
