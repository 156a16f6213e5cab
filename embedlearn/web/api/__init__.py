"""The HTTP interface: routes, bodies and their documentation."""
