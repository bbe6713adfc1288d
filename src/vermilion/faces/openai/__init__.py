"""OpenAI's contract: files and batches."""
