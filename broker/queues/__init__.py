"""Redis: queues, asks and wake-ups. A rebuildable index: no fact lives only here.

One Lua script an operation, each idempotent, each checking the `generation` key first: when it
is missing or another than ours, Redis has lost its memory, and the script refuses until the
queues have been rebuilt from PostgreSQL. Nothing blocks (no BLPOP), nothing is locked.

    {prefix}:generation     random text, written by a rebuild
    {prefix}:lane:<id>      sorted set; member = job id (8 bytes, big-endian), score = -priority;
                            equal scores sort by member, so the oldest job comes first
    {prefix}:lanes          set of the lanes that hold jobs
    {prefix}:dirty          set of the lanes whose length changed since the leader looked
    {prefix}:popped         hash; one field a scheduling cycle, until its claims are in PostgreSQL
    {prefix}:asks           hash host -> what a waiting poll offers
    {prefix}:asked          set of the hosts whose ask changed since the leader looked
    {prefix}:freed          list of (lane, jobs) that left their hosts
    channels {prefix}:wake  something for the scheduler; {prefix}:host, leases for these hosts
"""
