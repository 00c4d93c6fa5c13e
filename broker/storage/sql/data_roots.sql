-- name: lock
-- Paths of data roots are compared with each other: changes go one after the other.
LOCK TABLE data_root IN SHARE ROW EXCLUSIVE MODE;

-- name: places
-- Where all data roots lie, and under which ids.
SELECT id, path, uid, gid FROM data_root ORDER BY id;

-- name: create
-- $1 node, $2 title, $3 path, $4 uid, $5 gid, $6 public, $7 import enabled
INSERT INTO data_root (id, title, path, uid, gid, public, import_enabled)
VALUES ($1::int, $2::text, $3::text, $4::int, $5::int, $6::bool, $7::bool);

-- name: change
-- $1 node, $2 title, $3 path, $4 uid, $5 gid, $6 public, $7 import enabled
UPDATE data_root SET title = $2::text, path = $3::text, uid = $4::int, gid = $5::int,
    public = $6::bool, import_enabled = $7::bool
WHERE id = $1::int;

-- name: rows
-- $1 data roots, or null for all, $2 below id, $3 rows
SELECT node.id, node.name, title, path, uid, gid, public, import_enabled, node.created_by,
    node.created_at
FROM data_root JOIN node USING (id)
WHERE ($1::int[] IS NULL OR id = ANY ($1::int[])) AND id < $2::bigint
ORDER BY id DESC LIMIT $3::int;

-- name: uses
-- What keeps a data root from being deleted: bindings, files, and batches that have not ended.
-- $1 data root
SELECT (SELECT count(*) FROM binding WHERE node_id = $1::int)::int AS bindings,
    (SELECT count(*) FROM file WHERE root_id = $1::int)::int AS files,
    (SELECT count(DISTINCT batch.id) FROM batch_root JOIN batch ON batch.id = batch_root.batch_id
    WHERE root_id = $1::int AND finished_at IS NULL)::int AS batches;

-- name: delete
-- $1 data root
WITH list AS (DELETE FROM acl WHERE node_id = $1::int)
DELETE FROM data_root WHERE id = $1::int;
