-- name: in_pools
-- Every live lease of some pools, of a gang a row a host: what runs where, since when. One row of
-- columns in binary, because a hundred thousand rows would hold up whoever reads them.
-- $1 pools
WITH live AS (
    SELECT job.id, job.lease_epoch AS epoch, job.lane_id, job.host_id, job.gpu_kind, job.leased_at,
        job.cancel_requested OR job.preempt_grace_seconds IS NOT NULL AS leaving
    FROM job JOIN lane ON lane.id = job.lane_id
    WHERE job.state IN ('leased', 'running') AND job.host_id IS NOT NULL
      AND lane.pool = ANY ($1::text[])
    UNION ALL
    SELECT job.id, member.epoch, job.lane_id, member.host_id, member.gpu_kind, job.leased_at,
        job.cancel_requested OR job.preempt_grace_seconds IS NOT NULL
    FROM member JOIN job ON job.id = member.job_id JOIN lane ON lane.id = job.lane_id
    WHERE member.lease_expires_at IS NOT NULL AND lane.pool = ANY ($1::text[])
    ORDER BY id, host_id
)
SELECT string_agg(int8send(id), '') AS job_id,
    string_agg(int4send(epoch), '') AS epoch,
    string_agg(int4send(lane_id), '') AS lane_id,
    string_agg(int4send(host_id), '') AS host_id,
    string_agg(int4send(coalesce(gpu_kind, -1)), '') AS gpu_kind,
    string_agg(float8send(greatest(0, extract(epoch FROM now() - leased_at))::float8), '')
        AS age_seconds,
    string_agg(boolsend(leaving), '') AS leaving
FROM live;
