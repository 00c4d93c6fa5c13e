"""How far rights on one node can ever spread: a fixpoint over everything that anybody may give.

Slow and literal: a right is a word, a role the set of its words as the ladders spell it out, and a
step lets whoever may share give every role that holds nothing beyond their own words.
"""

from collections.abc import Mapping

from broker.domain.access import ADDS, GRANTABLE, LADDERS
from broker.protocol.nodes import Role

Rights = frozenset[str]


def words_of(role: Role) -> Rights:
    """Everything that a role contains, by walking its ladder from below."""
    words: set[str] = set()
    for ladder in LADDERS:
        if role in ladder:
            for rung in ladder[: ladder.index(role) + 1]:
                words |= {str(word) for word in ADDS[rung]}
            return frozenset(words)
    return frozenset(str(word) for word in ADDS[role])


def within(words: Rights, held: Rights) -> bool:
    """Whether rights hold nothing beyond others; a right contains that on one's own things."""
    return all(word in held or word.removesuffix(":own") in held for word in words)


def reach(held: Mapping[int, Rights]) -> Rights:
    """Everything that anybody can ever hold on a node by grants of those who hold `share` there.

    Args:
        held: what each principal holds now; managers left out.
    """
    sharing = [words for words in held.values() if "share" in words]
    reached: set[str] = set().union(*held.values()) if held else set()
    while True:
        given = [
            words_of(role)
            for role in GRANTABLE
            if any(within(words_of(role), words) for words in sharing)
        ]
        more = set().union(*given) if given else set()
        # who was given `share` may give what they hold
        joined = [words for words in given if "share" in words and words not in sharing]
        if more <= reached and not joined:
            return frozenset(reached)
        reached |= more
        sharing += joined
