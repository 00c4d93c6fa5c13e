"""Clock in: "every so often, and when woken, call this service".

One ticker owns loop, back-off and logging; the bodies of work are services.
"""
