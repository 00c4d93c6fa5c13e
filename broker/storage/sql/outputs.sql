-- name: record
-- $1 job, $2 epoch, $3 name, $4 bytes, $5 digest
INSERT INTO output (job_id, epoch, name, size_bytes, sha256)
VALUES ($1::bigint, $2::int, $3::text, $4::bigint, $5::bytea)
ON CONFLICT ON CONSTRAINT output_pkey
DO UPDATE SET size_bytes = excluded.size_bytes, sha256 = excluded.sha256;

-- name: stored
-- $1 jobs, $2 epochs
SELECT job_id, epoch, name, sha256
FROM unnest($1::bigint[], $2::int[]) AS w (job_id, epoch) JOIN output USING (job_id, epoch);

-- name: accepted
-- The outputs that count: those of the succeeded attempt.
-- $1 job
SELECT output.name, output.size_bytes, output.sha256
FROM job JOIN output ON output.job_id = job.id AND output.epoch = job.lease_epoch
WHERE job.id = $1::bigint AND job.state = 'succeeded'
ORDER BY output.name;
