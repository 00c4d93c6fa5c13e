"""Reclaim: which running jobs to take back for accounts that wait below what they are owed.

    rules        what may be taken at all: `Reclaim`
    choice       ties these together: `reclaims`
    candidates   the jobs that may be taken, as columns
    state        what is known and changed while room is made
    victims      claims served one after another
    serving      room for one of them
    clearing     room on hosts
    eligibility  who may take from whom
    fill_back    whether the slots would reach the claimants
    aftermath    a snapshot once something has happened

Only what one cycle takes back belongs here, as pure numerics like the rest of the room above. When
it is asked, how often, and what becomes of the jobs is the leader's business.
"""

from broker.scheduling.reclaim.choice import reclaims
from broker.scheduling.reclaim.rules import Reclaim

__all__ = ["Reclaim", "reclaims"]
