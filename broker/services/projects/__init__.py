"""The tree: projects, workspaces and folders, who may do what there, moving and trash.

Belongs here: what is so of every node, whatever it holds. It must not know what a kind of node is
for: contents, tables, apps. A batch is a row that a node governs, and no more.
"""
