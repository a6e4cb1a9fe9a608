"""The NLU board: one aligner for many tasks, as ALIGN is: what each head answers, and how well.

`tasks` says what is asked, `data` reads it, `runs` has an aligner answer, `measures` and `board`
judge the answers. Human judgments of summaries are the other boards' matter.
"""
