"""Counting and pricing tokens. This version has the room only: nothing is counted yet."""
