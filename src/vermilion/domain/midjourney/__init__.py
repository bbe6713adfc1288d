"""What is known of Midjourney: its prompt parameters, its buttons, and what a finished task of it shows."""
