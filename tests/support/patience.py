"""How long a test waits for what must happen: no claim about speed, so that a busy machine breaks no test."""

PATIENCE_S = 120.0
