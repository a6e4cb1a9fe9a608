"""Consistency pairs made from documents: a passage, and a claim that it supports or does not.

A sentence of a document becomes a claim: as it is, shortened, reworded, reordered, or joined with
its neighbour. An *edit* changes one of its facts (a number, a name, who did it to whom ...). Both
versions of the sentence are written into the passage in turn, and both versions of the claim meet
both passages: a claim is supported exactly where its own version stands. Neither the claim alone
nor the passage alone tells the label, so that nothing but their comparison can be learned.
Where one version implies the other (`will`, `may`), only the pairs that are certain are made, and
the claim is the same in both of them.

Other pairs leave the sentence out of the passage (`removed`), show the passage of another document
(`foreign`), or ask about a second fact that the passage may not have (`conjunction`). Summaries
that come with documents are claims too (kinds that begin with `summary:`).

Pure functions of strings and a random generator; knows nothing of models. Its modules, each of
which imports from those before it alone:

- `lexicon`: word lists;
- `sentences`, `documents`: what is read, as words and sentences, names and numbers;
- `edits`, `makers`: what an edit is and how it is made in a text; the kinds of edit;
- `reordering`, `rewording`: other ways to say the same;
- `passages`: parts of a document, and which claims they support;
- `generator`: all of it put together, in balance.
"""

from alignscore_metric.training.synthetic.generator import kinds, synthesise

__all__ = ["kinds", "synthesise"]
