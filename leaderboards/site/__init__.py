"""The static leaderboard site: boards, figures and data cards as pages that need nothing else.

    write_site(boards, Path("site"), items=tables)   # then open site/index.html

`pages` puts pages together, `boards` and `scores` decide what they say, `figures` draws,
`templates` hold all HTML, CSS and JavaScript. Nothing here computes a statistic of a board.
"""

from alignscore_metric.leaderboards.site.boards import board_key
from alignscore_metric.leaderboards.site.pages import write_site

__all__ = ["board_key", "write_site"]
