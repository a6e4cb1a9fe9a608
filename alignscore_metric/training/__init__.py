"""Training of aligners: recipes, data, synthetic pairs, loss, trainer. Only the command uses it."""
