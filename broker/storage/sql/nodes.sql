-- name: create
-- No row comes back when a sibling of the kind has the name. The schema sees to benefactor, project
-- and depth.
-- $1 kind, $2 parent, $3 name, $4 creator
INSERT INTO node (kind, parent_id, name, created_by)
VALUES ($1::node_kind, $2::int, $3::text, $4::int)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: named
-- A node by id, or by its name in a place: the deployment, a project, or a workspace or folder.
-- $1 kind, $2 id or null, $3 name or null, $4 handle of the project or null, $5 id of the place or
-- null, $6 kind of the place or null; both null: the deployment
SELECT id FROM node
WHERE kind = $1::node_kind AND (id = $2::bigint OR (
    name = $3::text AND trash_id IS NULL AND parent_id = CASE
        WHEN $4::text IS NOT NULL THEN (
            SELECT id FROM node
            WHERE parent_id = 1 AND kind = 'project' AND name = $4::text AND trash_id IS NULL)
        WHEN $5::bigint IS NOT NULL THEN (
            SELECT id FROM node
            WHERE id = $5::bigint AND kind = $6::node_kind AND trash_id IS NULL)
        ELSE 1 END));

-- name: trash_leaf
-- Puts a node without contents into the trash.
-- $1 node
UPDATE node SET trash_id = id, trashed_at = now() WHERE id = $1::int AND trash_id IS NULL;

-- name: find
-- Locked against other changes of the node until the transaction ends.
-- $1 node
SELECT id, kind, parent_id, benefactor_id, project_id, created_by, trash_id, acl_version, name
FROM node WHERE id = $1::bigint FOR UPDATE;

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
