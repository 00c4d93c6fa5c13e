-- name: page
-- Rows in the order of their numbers, as far as they hold certain values.
-- $1 table, $2 above number, $3 rows, $4 positions of columns from 0, $5 the value of each as text,
-- null for none
SELECT number, cells FROM table_row
WHERE table_id = $1::int AND number > $2::bigint
  AND (cardinality($4::int[]) = 0 OR NOT EXISTS (
    SELECT 1 FROM unnest($4::int[], $5::text[]) AS wanted (position, value)
    WHERE cells ->> wanted.position IS DISTINCT FROM wanted.value))
ORDER BY number LIMIT $3::int;

-- name: delete
-- $1 table, $2 numbers or null for any, $3 positions of columns from 0, $4 the value of each as
-- text, null for none
WITH gone AS (
    DELETE FROM table_row
    WHERE table_id = $1::int AND ($2::int[] IS NULL OR number = ANY ($2::int[]))
      AND (cardinality($3::int[]) = 0 OR NOT EXISTS (
        SELECT 1 FROM unnest($3::int[], $4::text[]) AS wanted (position, value)
        WHERE cells ->> wanted.position IS DISTINCT FROM wanted.value))
    RETURNING 1
)
SELECT count(*)::int FROM gone;
