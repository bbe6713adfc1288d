"""Translators between wire contracts and the services; a face holds no SQL and no price."""
