"""The engines inside this box, offered as a provider."""
