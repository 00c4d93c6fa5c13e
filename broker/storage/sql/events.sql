-- name: after
-- What happened after a position, as far as no older transaction is still open, to whatever
-- batch: the reader filters. Rows come in the order of (xid, id) and none is skipped.
-- $1 xid, $2 id, $3 rows
SELECT event.xid::text::numeric AS xid, event.id, event.kind, event.batch_id, event.job_ids,
    event.at, batch.account_id, batch.app_id, batch.node_id, batch.isolation
FROM (
    SELECT * FROM event
    WHERE (xid, id) > ($1::text::xid8, $2::bigint)
      AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid, id LIMIT $3::int
) AS event
JOIN batch ON batch.id = event.batch_id
ORDER BY event.xid, event.id;

-- name: horizon
-- The transaction before which everything is decided: where a new listener starts.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::numeric AS xid;

-- name: prune
-- $1 hours to keep
DELETE FROM event WHERE at < now() - $1::float8 * interval '1 hour';
