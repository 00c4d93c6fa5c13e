-- name: page
-- What was put into the trash and a caller may purge, newest first.
-- $1 below id, $2 rows, $3 whether all, $4 benefactors that let the caller, $5 project or null
SELECT id FROM node
WHERE trash_id = id AND id < $1::bigint AND ($3::bool OR benefactor_id = ANY ($4::int[]))
  AND ($5::int IS NULL OR project_id = $5::int)
ORDER BY id DESC LIMIT $2::int;

-- name: below
-- What lies in a node, itself counted: who else made parts of it, which lists govern it, how much of
-- it cannot be purged, and how many batches still run.
-- $1 node, $2 account
WITH RECURSIVE part AS (
    SELECT id, kind, created_by, benefactor_id FROM node WHERE id = $1::int
    UNION ALL
    SELECT node.id, node.kind, node.created_by, node.benefactor_id
    FROM part JOIN node ON node.parent_id = part.id
), ran AS (
    SELECT count(*) AS batches, count(*) FILTER (WHERE finished_at IS NULL) AS open_batches
    FROM part JOIN batch ON batch.node_id = part.id
)
SELECT count(*) FILTER (WHERE part.created_by IS DISTINCT FROM $2::int) AS of_others,
    array_agg(DISTINCT part.benefactor_id) AS benefactors,
    count(*) FILTER (WHERE part.kind = 'app') AS apps,
    (SELECT count(*) FROM part JOIN file ON file.id = part.id WHERE root_id IS NOT NULL) AS imported,
    min(ran.batches) AS batches, min(ran.open_batches) AS open_batches
FROM part, ran;

-- name: put
-- Puts a node into the trash with everything below it; what is there already stays as it is.
-- $1 node
WITH RECURSIVE part AS (
    SELECT $1::int AS id
    UNION ALL
    SELECT node.id FROM part JOIN node ON node.parent_id = part.id WHERE node.trash_id IS NULL
)
UPDATE node SET trash_id = $1::int, trashed_at = now()
FROM part WHERE node.id = part.id;

-- name: take
-- Takes a node out of the trash with everything that went there with it.
-- $1 node
UPDATE node SET trash_id = NULL, trashed_at = NULL WHERE trash_id = $1::int;

-- name: purge
-- Removes a node and everything below it for good. Apps and batches do not lie in it.
-- $1 node
WITH RECURSIVE part AS (
    SELECT $1::int AS id
    UNION ALL
    SELECT node.id FROM part JOIN node ON node.parent_id = part.id
), files AS (
    DELETE FROM file USING part WHERE file.id = part.id
), entries AS (
    DELETE FROM acl USING part WHERE acl.node_id = part.id
), bound AS (
    DELETE FROM binding USING part WHERE binding.project_id = part.id
), projects AS (
    DELETE FROM project USING part WHERE project.id = part.id
)
DELETE FROM node USING part WHERE node.id = part.id;
