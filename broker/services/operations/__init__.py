"""What no caller asks for: upkeep by the clock, and whether this broker can serve.

Belongs here: work across several rooms. Nothing of the services may import it.
"""
