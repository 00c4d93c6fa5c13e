-- name: page
-- Items that an access list other than their project's governs, newest first.
-- $1 below id, $2 rows, $3 whether all, $4 benefactors that the caller audits, $5 kind or null,
-- $6 project or null
SELECT item.id FROM benefactor_audit AS item
WHERE item.id < $1::bigint
  AND ($3::bool OR item.project_id = ANY ($4::int[]) OR item.benefactor_id = ANY ($4::int[]))
  AND ($5::node_kind IS NULL OR item.kind = $5::node_kind)
  AND ($6::int IS NULL OR item.project_id = $6::int)
ORDER BY item.id DESC LIMIT $2::int;
