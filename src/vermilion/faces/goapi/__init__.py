"""The contract of GoAPI, which PiAPI shares: one task schema for every model, and its older Midjourney paths."""
