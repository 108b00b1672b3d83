"""What runs in the venv's Python, on the far side of the wall: standard library only, relative imports only."""
