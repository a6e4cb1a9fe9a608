"""Tables of words by which `training.casts` finds what may answer a question. Words alone."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SMALL_WORDS = _words(
    """
    is are was were am do does did has have had can could will would shall should may might must
    the a an this that these those his her its their our my your some any every each no one another
    all both most many several two three four five six seven eight nine ten
    he she it they we you i him them us me there
    about above across after against along among around as at because before behind below beneath
    beside besides between beyond by despite down due during except for from in inside into like
    near of off on onto out outside over per since than through throughout to toward towards under
    until up upon via with within without according following including
    when while if once although though who which whose whom where whether so and or but nor
    also still often now usually first originally always never more best later last soon then just
    only ever today currently already finally again together previously mainly primarily typically
    commonly generally formerly initially actually sometimes frequently
    not be been being other such same very much what how
    """
)
"""Words that no name begins with and that no noun phrase which may be an answer has."""

PASTS = _words(
    """
    arose bore beat became began bound broke brought broadcast built burned bought cast caught
    chose came cost cut dealt dug did drew drank drove ate fell fed felt fought found fit fled
    flew forbade froze got gave went grew had heard hid hit held kept knew laid led left lent
    let lay lost made meant met overran overtook overthrew paid put read rebuilt retook rode
    rose ran said saw sought sold sent set shot showed shut sang sank sat slept spoke spent
    split spread stood stole struck swam took taught told thought threw underwent understood
    undertook wore won withdrew wrote
    """
)
"""Past tenses of irregular verbs."""

MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
WEEKDAY = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
