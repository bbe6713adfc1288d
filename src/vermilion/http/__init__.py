"""What faces share: the edge every request passes, keys, bodies, limits, problems, streams."""
