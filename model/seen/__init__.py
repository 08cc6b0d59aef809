"""What a model has seen in training, and so what scores do not count (contract 9)."""
