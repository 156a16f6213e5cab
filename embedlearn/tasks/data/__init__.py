"""Data sets as they lie on disks: shown, fetched, converted."""
