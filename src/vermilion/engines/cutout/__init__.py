"""Background removal from pictures and videos."""
