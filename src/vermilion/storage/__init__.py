"""PostgreSQL and media bytes; the only place that knows SQL."""
