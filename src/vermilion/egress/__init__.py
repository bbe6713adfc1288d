"""The one way out to addresses that customers name; nothing else may fetch or post to them."""
