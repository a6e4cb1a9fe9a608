"""The server behind `alignscore serve`: HTTP around one model, whose work is batched."""
