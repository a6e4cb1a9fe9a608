"""The report: a result as one self-contained HTML page, and as a small table in a notebook.

Knows results, texts and HTML; nothing of models or tables of rows. `AlignScoreResult.to_html` and
`alignscore score --report` are the ways in.
"""
