"""Files of any kind: written whole or not at all, tables, checksums, text."""
