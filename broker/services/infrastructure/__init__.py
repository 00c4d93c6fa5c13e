"""What a broker process keeps for everybody: contents and logs on disk, group commit, the feed of
events, the way of the outbox into Redis.

Belongs here: machinery that serves every use case alike. It must not know callers or rights, nor
any other room of the services.
"""
