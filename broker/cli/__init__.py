"""The command line `fairlead`: parse arguments, call the SDK, print.

Modules here import only typer and the standard library when they are loaded; the SDK, rich and the
server side are imported by the commands that use them, so that `fairlead --help` answers at once
and a host that installs `fairlead[worker]` needs nothing of the broker.
"""
