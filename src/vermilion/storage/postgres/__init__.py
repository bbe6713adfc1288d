"""The embedded PostgreSQL: a private server that the gateway starts, watches and never leaves behind."""
