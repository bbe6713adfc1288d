"""Engine packs: models that an operator adds when wanted, each described by one TOML file in this folder."""
