"""From a model's tool calls to what it reads."""
