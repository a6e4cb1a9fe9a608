"""Arrays of scores into numbers: aggregation, statistics, decisions, estimates. No torch."""
