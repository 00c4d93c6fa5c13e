-- name: owned
-- $1 account, $2 digests
SELECT sha256 FROM blob WHERE account_id = $1::int AND sha256 = ANY ($2::bytea[]);

-- name: record
-- $1 digest, $2 account, $3 bytes
INSERT INTO blob (sha256, account_id, size_bytes) VALUES ($1::bytea, $2::int, $3::bigint)
ON CONFLICT ON CONSTRAINT blob_pkey DO NOTHING;
