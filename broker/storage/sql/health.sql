-- name: schema_digest
SELECT schema_digest FROM deployment;
