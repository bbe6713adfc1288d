"""Adapters to upstream protocols, one folder each; they never see an account, a balance or a database."""
