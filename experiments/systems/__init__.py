"""The machinery of the rows: published systems, trained and judged as their authors did and as they ought to be."""
