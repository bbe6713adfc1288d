"""The catalogue is data: one TOML file per model family."""
