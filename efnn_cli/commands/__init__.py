"""The commands: one file each, `run(...) -> Result`, a table of contents of what happens."""
