"""The contract of ImaginePro: messages that are polled, buttons that are pressed, credits."""
