"""The contract of midjourney-proxy, as resellers of Midjourney speak it."""
