"""The command `alignscore`: the grammar of each command, and the call that it makes."""
