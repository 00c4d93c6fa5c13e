-- name: create
-- $1 node, $2 title, $3 open
INSERT INTO pool (id, title, open) VALUES ($1::int, $2::text, $3::bool);

-- name: change
-- $1 node, $2 title, $3 open
UPDATE pool SET title = $2::text, open = $3::bool WHERE id = $1::int;

-- name: rows
-- $1 pools, or null for all, $2 below id, $3 rows
SELECT node.id, node.name, title, open, node.created_by, node.created_at, (
    SELECT count(*) FROM host WHERE host.pool = node.name AND host.state <> 'banned'
)::int AS hosts
FROM pool JOIN node USING (id)
WHERE ($1::int[] IS NULL OR id = ANY ($1::int[])) AND id < $2::bigint
ORDER BY id DESC LIMIT $3::int;

-- name: uses
-- What keeps a pool from being deleted.
-- $1 pool, $2 its name
SELECT (SELECT count(*) FROM host WHERE pool = $2::text AND state <> 'banned')::int AS hosts,
    (SELECT count(*) FROM lane WHERE pool = $2::text)::int AS lanes,
    (SELECT count(*) FROM binding WHERE node_id = $1::int)::int AS bindings;

-- name: delete
-- With the rules of its preemption.
-- $1 pool, $2 its name
WITH list AS (
    DELETE FROM acl WHERE node_id = $1::int
), rules AS (
    DELETE FROM preemption WHERE pool = $2::text
)
DELETE FROM pool WHERE id = $1::int;
