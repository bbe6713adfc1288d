"""Loops that turn a tick of time or a notification into one service call."""
