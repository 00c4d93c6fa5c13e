-- name: create
-- New files that refer to places below a data root, in the order given. A name that a sibling has
-- gets no row.
-- $1 parent, $2 creator, $3 data root, $4 names, $5 paths
WITH wanted AS (
    SELECT * FROM unnest($4::text[], $5::text[]) WITH ORDINALITY AS w (name, path, place)
), made AS (
    INSERT INTO node (kind, parent_id, name, created_by)
    SELECT 'file', $1::int, name, $2::int FROM wanted ORDER BY place
    ON CONFLICT DO NOTHING
    RETURNING id, name, created_by, created_at
), placed AS (
    INSERT INTO file (id, root_id, path)
    SELECT made.id, $3::int, wanted.path FROM made JOIN wanted USING (name)
)
SELECT made.id, made.name, $3::int AS root, wanted.path, made.created_by, made.created_at
FROM made JOIN wanted USING (name)
ORDER BY wanted.place;

-- name: page
-- The files of a project that refer to data roots, newest first.
-- $1 project, $2 below id, $3 rows, $4 benefactors that show their files, or null for all
SELECT node.id, node.name, file.root_id AS root, file.path, node.created_by, node.created_at
FROM node JOIN file ON file.id = node.id
WHERE node.project_id = $1::int AND node.kind = 'file' AND node.trash_id IS NULL
  AND file.root_id IS NOT NULL AND node.id < $2::bigint
  AND ($4::int[] IS NULL OR node.benefactor_id = ANY ($4::int[]))
ORDER BY node.id DESC LIMIT $3::int;

-- name: find
-- A file of a project that refers to a data root, with what governs it; locked.
-- $1 project, $2 file
SELECT node.benefactor_id, node.created_by
FROM node JOIN file ON file.id = node.id
WHERE node.id = $2::bigint AND node.project_id = $1::int AND node.trash_id IS NULL
  AND file.root_id IS NOT NULL
FOR UPDATE OF node;

-- name: remove
-- $1 file
DELETE FROM file WHERE id = $1::int;
