-- name: create
-- $1 node, $2 path, $3 digest, $4 categories
INSERT INTO image (id, path, digest, categories)
VALUES ($1::int, $2::text, $3::text, $4::text[]);

-- name: change
-- $1 node, $2 path, $3 digest, $4 categories
UPDATE image SET path = $2::text, digest = $3::text, categories = $4::text[] WHERE id = $1::int;

-- name: rows
-- $1 images, or null for all, $2 below id, $3 rows, $4 category or null
SELECT node.id, node.name, path, digest, categories, node.created_by, node.created_at
FROM image JOIN node USING (id)
WHERE ($1::int[] IS NULL OR id = ANY ($1::int[])) AND id < $2::bigint
  AND ($4::text IS NULL OR $4::text = ANY (categories))
ORDER BY id DESC LIMIT $3::int;

-- name: versions
-- How many app versions refer to an image.
-- $1 image
SELECT count(*)::int FROM app_version WHERE image_id = $1::int;

-- name: delete
-- $1 image
WITH list AS (DELETE FROM acl WHERE node_id = $1::int)
DELETE FROM image WHERE id = $1::int;
