"""The packages that code may import: which are approved, and the virtual environment that holds them."""
