"""Read and write files: atomic writes, tables, TOML, text, checksums, messages about invalid data."""
