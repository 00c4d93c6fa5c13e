-- name: owned
-- $1 account, $2 digests
SELECT sha256 FROM blob WHERE account_id = $1::int AND sha256 = ANY ($2::bytea[]);

-- name: record
-- $1 digest, $2 account, $3 bytes
INSERT INTO blob (sha256, account_id, size_bytes) VALUES ($1::bytea, $2::int, $3::bigint)
ON CONFLICT ON CONSTRAINT blob_pkey DO NOTHING;

-- name: share
-- Gives an account the uploaded inputs of a range of another account's jobs.
-- $1 first job, $2 last job, $3 whose uploads, $4 who gets them
INSERT INTO blob (sha256, account_id, size_bytes)
SELECT blob.sha256, $4::int, blob.size_bytes
FROM (
    SELECT DISTINCT decode(input.value ->> 'sha256', 'hex') AS sha256
    FROM job CROSS JOIN LATERAL json_each(job.inputs) AS input
    WHERE job.id BETWEEN $1::bigint AND $2::bigint AND job.inputs IS NOT NULL
      AND input.value ->> 'sha256' IS NOT NULL
) AS wanted
JOIN blob ON blob.sha256 = wanted.sha256 AND blob.account_id = $3::int
ON CONFLICT ON CONSTRAINT blob_pkey DO NOTHING;
