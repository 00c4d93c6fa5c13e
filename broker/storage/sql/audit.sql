-- name: append
-- The database gives the position and the digests when the transaction commits.
-- $1 account, $2 host, $3 token, $4 action, $5 request, $6 objects, $7 details, $8 status
INSERT INTO audit_log (account_id, host_id, token_id, action, request, objects, details, status)
VALUES ($1::int, $2::int, $3::int, $4::text, $5::text, $6::text[], $7::json, $8::smallint);

-- name: page
-- Newest first.
-- $1 below position, $2 rows, $3 account or null, $4 action or null, $5 object or null, $6 since,
-- $7 until
SELECT audit_log.position, audit_log.at, audit_log.account_id AS account,
    account.name AS account_name, audit_log.host_id AS host, audit_log.token_id AS token,
    audit_log.action, audit_log.request, audit_log.objects, audit_log.details, audit_log.status,
    encode(audit_log.sha256, 'hex') AS sha256
FROM audit_log LEFT JOIN account ON account.id = audit_log.account_id
WHERE audit_log.position < $1::bigint
  AND ($3::int IS NULL OR audit_log.account_id = $3::int)
  AND ($4::text IS NULL OR audit_log.action = $4::text)
  AND ($5::text IS NULL OR audit_log.objects @> ARRAY[$5::text])
  AND ($6::timestamptz IS NULL OR audit_log.at >= $6::timestamptz)
  AND ($7::timestamptz IS NULL OR audit_log.at < $7::timestamptz)
ORDER BY audit_log.position DESC LIMIT $2::int;

-- name: head
SELECT position, sha256 FROM audit_head;

-- name: digest
-- $1 position
SELECT encode(sha256, 'hex') FROM audit_log WHERE position = $1::bigint;

-- name: stretch
-- Some entries of the chain in order: how many, the first that does not fit to the one before it,
-- and the last with its digest.
-- $1 position before the first, $2 digest of that one, $3 rows
SELECT count(*)::int AS entries, min(position) FILTER (WHERE NOT fits) AS broken_at,
    max(position) AS last, (array_agg(sha256 ORDER BY position DESC))[1] AS last_sha256
FROM (
    SELECT entry.position, entry.sha256,
        entry.position = lag(entry.position, 1, $1::bigint) OVER chain + 1
            AND entry.sha256 = audit_digest(
                lag(entry.sha256, 1, $2::bytea) OVER chain, entry) AS fits
    FROM (
        SELECT * FROM audit_log WHERE position > $1::bigint ORDER BY position LIMIT $3::int
    ) AS entry
    WINDOW chain AS (ORDER BY entry.position)
) AS checked;

-- name: outside
-- Entries that are in no place of the chain.
SELECT count(*)::int FROM audit_log WHERE position IS NULL;
