-- name: create
-- No row comes back when a sibling of the kind has the name. The schema sees to benefactor, project
-- and depth.
-- $1 kind, $2 parent, $3 name, $4 creator
INSERT INTO node (kind, parent_id, name, created_by)
VALUES ($1::node_kind, $2::int, $3::text, $4::int)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: row
-- $1 node
SELECT id, kind, parent_id, benefactor_id, project_id, created_by, trash_id, acl_version, name
FROM node WHERE id = $1::bigint;

-- name: find
-- Locked against other changes of the node until the transaction ends.
-- $1 node
SELECT id, kind, parent_id, benefactor_id, project_id, created_by, trash_id, acl_version, name
FROM node WHERE id = $1::bigint FOR UPDATE;

-- name: hold
-- Holds nodes still until the transaction ends; others may still be made below them.
-- $1 nodes
SELECT id FROM node WHERE id = ANY ($1::int[]) ORDER BY id FOR NO KEY UPDATE;

-- name: views
-- Nodes as people see them; those around them with their kinds, for their public ids.
-- $1 nodes
SELECT node.id, node.kind, coalesce(batch.name, node.name) AS name, node.created_at,
    node.trashed_at, node.parent_id, parent.kind AS parent_kind, node.project_id,
    project.kind AS project_kind, node.benefactor_id, benefactor.kind AS benefactor_kind,
    batch.id AS batch_id, node.created_by, account.name AS created_by_name, file.size_bytes,
    encode(file.sha256, 'hex') AS sha256
FROM node
LEFT JOIN node AS parent ON parent.id = node.parent_id
LEFT JOIN node AS project ON project.id = node.project_id
LEFT JOIN node AS benefactor ON benefactor.id = node.benefactor_id
LEFT JOIN account ON account.id = node.created_by
LEFT JOIN file ON file.id = node.id
LEFT JOIN batch ON node.kind = 'batch' AND batch.node_id = node.id
WHERE node.id = ANY ($1::int[])
ORDER BY node.id DESC;

-- name: children
-- What lies in a node and is seen, newest first; without batches.
-- $1 parent, $2 below id, $3 rows, $4 only this kind or null, $5 whether all is seen, $6 kinds that
-- are seen where they inherit, $7 nodes with lists of their own that are seen
SELECT id FROM node
WHERE parent_id = $1::int AND id < $2::bigint AND trash_id IS NULL AND kind <> 'batch'
  AND ($4::node_kind IS NULL OR kind = $4::node_kind)
  AND ($5::bool OR CASE WHEN benefactor_id = id THEN id = ANY ($7::int[])
    ELSE kind = ANY ($6::node_kind[]) END)
ORDER BY id DESC LIMIT $3::int;

-- name: rename
-- No row comes back when a sibling of the kind has the name.
-- $1 node, $2 name
UPDATE node SET name = $2::text WHERE id = $1::int
  AND NOT EXISTS (SELECT FROM node AS other WHERE other.parent_id = node.parent_id
    AND other.kind = node.kind AND other.name = $2::text AND other.trash_id IS NULL
    AND other.id <> node.id)
RETURNING id;

-- name: lock_tree
-- Before any change of a project's tree: nobody adds to it or changes it meanwhile.
-- $1 project or workspace
SELECT lock_tree($1::int);

-- name: restamp
-- Gives a node, and everything below that inherits from it, another benefactor.
-- $1 node, $2 benefactor
WITH RECURSIVE inheriting AS (
    SELECT $1::int AS id
    UNION ALL
    SELECT node.id FROM inheriting JOIN node ON node.parent_id = inheriting.id
    WHERE node.benefactor_id <> node.id
)
UPDATE node SET benefactor_id = $2::int
FROM inheriting
WHERE node.id = inheriting.id AND node.benefactor_id <> $2::int;

-- name: path
-- A node and everything above it, itself first.
-- $1 node
WITH RECURSIVE above AS (
    SELECT id, parent_id, depth FROM node WHERE id = $1::int
    UNION ALL
    SELECT node.id, node.parent_id, node.depth FROM above JOIN node ON node.id = above.parent_id
)
SELECT id FROM above ORDER BY depth DESC;

-- name: move
-- Hangs a node elsewhere; its whole subtree follows in depth and project.
-- $1 node, $2 new parent
WITH RECURSIVE target AS (
    SELECT id, depth, project_id FROM node WHERE id = $2::int
), moved AS (
    SELECT node.id, node.parent_id, (target.depth + 1)::smallint AS depth
    FROM node, target WHERE node.id = $1::int
    UNION ALL
    SELECT node.id, node.parent_id, (moved.depth + 1)::smallint
    FROM moved JOIN node ON node.parent_id = moved.id
)
UPDATE node SET
    parent_id = CASE WHEN node.id = $1::int THEN target.id ELSE node.parent_id END,
    depth = moved.depth,
    project_id = target.project_id
FROM moved, target
WHERE node.id = moved.id;

-- name: acl
-- $1 node
SELECT principal_id, array_agg(role) AS roles FROM acl WHERE node_id = $1::int GROUP BY principal_id;

-- name: replace_acl
-- $1 node, $2 principals, $3 role of each
WITH wanted AS (
    SELECT DISTINCT * FROM unnest($2::int[], $3::acl_role[]) AS w (principal_id, role)
), gone AS (
    DELETE FROM acl WHERE node_id = $1::int
        AND (principal_id, role) NOT IN (SELECT principal_id, role FROM wanted)
)
INSERT INTO acl (node_id, principal_id, role)
SELECT $1::int, principal_id, role FROM wanted
ON CONFLICT DO NOTHING;

-- name: count_version
-- The etag of a node's access list.
-- $1 node
UPDATE node SET acl_version = acl_version + 1 WHERE id = $1::int RETURNING acl_version;

-- name: delete
-- A node without children, once nothing refers to it.
-- $1 node
DELETE FROM node WHERE id = $1::int;
