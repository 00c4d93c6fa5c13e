-- name: after
-- What happened after a position, as far as no older transaction is still open. $4 and $5 limit it to what
-- the viewer may see.
-- $1 xid, $2 id, $3 rows, $4 account, $5 apps administered, $6 sees all, $7 batch or null
SELECT event.xid::text AS xid, event.id, event.kind, event.batch_id, event.job_ids, event.at
FROM event JOIN batch ON batch.id = event.batch_id
WHERE (event.xid, event.id) > ($1::text::xid8, $2::bigint)
  AND event.xid < pg_snapshot_xmin(pg_current_snapshot())
  AND ($6::bool OR batch.account_id = $4::int OR batch.app_id = ANY ($5::int[]))
  AND ($7::bigint IS NULL OR event.batch_id = $7::bigint)
ORDER BY event.xid, event.id
LIMIT $3::int;

-- name: horizon
-- The position before which everything is decided: where a new listener starts.
SELECT (pg_snapshot_xmin(pg_current_snapshot())::text)::text AS xid;

-- name: prune
-- $1 hours to keep
DELETE FROM event WHERE at < now() - $1::float8 * interval '1 hour';
