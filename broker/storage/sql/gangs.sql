-- name: claim
-- Leases queued jobs to several hosts each, all of them or none. As storage.leases.claim.
-- $1 job of each member, $2 rank, $3 host, $4 eighths of a slot that each device is, the same for
-- all members of a job, $5 kind of GPU on its host or null, $6 lease length in seconds, $7 the
-- leader's term
WITH wanted AS (
    SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::int[], $4::smallint[], $5::smallint[])
        AS w (job_id, rank, host_id, slot_eighths, gpu_kind)
), claimed AS (
    UPDATE job SET
        state = 'leased', lease_epoch = lease_epoch + 1, host_id = NULL, gpu_kind = NULL,
        slot_eighths = first.slot_eighths, leased_at = now(), lease_expires_at = 'infinity'
    FROM (SELECT DISTINCT ON (job_id) job_id, slot_eighths FROM wanted ORDER BY job_id, rank)
        AS first
    WHERE job.id = first.job_id AND job.state = 'queued'
      AND (SELECT term FROM leader) = $7::bigint
    RETURNING job.id, job.lease_epoch, job.batch_id
), members AS (
    INSERT INTO member (job_id, epoch, rank, host_id, gpu_kind, lease_expires_at)
    SELECT id, lease_epoch, rank, host_id, gpu_kind, now() + $6::float8 * interval '1 second'
    FROM claimed JOIN wanted ON wanted.job_id = claimed.id
), noted AS (
    INSERT INTO event (kind, batch_id, job_ids)
    SELECT 'leased', batch_id, array_agg(id) FROM claimed GROUP BY batch_id
)
SELECT id FROM claimed;

-- name: of_host
-- Live leases of one host that are members of gangs; as storage.leases.by_ids, with the gang.
-- $1 host, $2 job ids
SELECT job.id, member.epoch, member.host_id, job.batch_id, job.lane_id, job.name, job.parameters,
    job.inputs, job.data, job.cancel_requested, member.gpu_kind,
    json_build_object('rank', member.rank, 'size', peers.size, 'peers', peers.names)::text AS gang
FROM member
JOIN job ON job.id = member.job_id
CROSS JOIN LATERAL (
    SELECT count(*) AS size, json_agg(
        coalesce(nullif(host.facts ->> 'address', ''), host.name) ORDER BY other.rank) AS names
    FROM member AS other JOIN host ON host.id = other.host_id
    WHERE other.job_id = member.job_id AND other.epoch = member.epoch
) AS peers
WHERE member.host_id = $1::int AND member.job_id = ANY ($2::bigint[])
  AND member.lease_expires_at IS NOT NULL;

-- name: renew
-- Extends the leases of members. As storage.leases.renew; the job runs once one of them does.
-- $1 job ids, $2 epochs, $3 hosts, $4 whether each runs, $5 lease length in seconds
WITH wanted AS (
    SELECT * FROM unnest($1::bigint[], $2::int[], $3::int[], $4::bool[])
        AS w (job_id, epoch, host_id, running)
), renewed AS (
    UPDATE member SET
        lease_expires_at = now() + $5::float8 * interval '1 second',
        running = member.running OR wanted.running
    FROM wanted
    WHERE member.job_id = wanted.job_id AND member.epoch = wanted.epoch
      AND member.host_id = wanted.host_id AND member.lease_expires_at IS NOT NULL
    RETURNING member.job_id, member.epoch, member.host_id, member.running
), started AS (
    UPDATE job SET state = 'running'
    FROM renewed
    WHERE job.id = renewed.job_id AND renewed.running AND job.state = 'leased'
    RETURNING job.id, job.batch_id
), noted AS (
    INSERT INTO event (kind, batch_id, job_ids)
    SELECT 'running', batch_id, array_agg(id) FROM started GROUP BY batch_id
)
SELECT renewed.job_id, renewed.epoch, renewed.host_id, job.cancel_requested, job.preempt_grace_seconds
FROM renewed JOIN job ON job.id = renewed.job_id;

-- name: lock
-- Members of one gang end one after the other, so that the last one knows that it is the last.
-- $1 job ids
SELECT id FROM job WHERE id = ANY ($1::bigint[]) ORDER BY id FOR UPDATE;

-- name: end
-- Closes the leases of members, after `lock`. The first that did not succeed has the others
-- stopped, in the way of a preemption: each keeps its checkpoint and reports.
-- $1 job ids, $2 epochs, $3 hosts, $4 outcomes, $5 exit codes, $6 messages, $7 usage as JSON,
-- $8 grace of the others in seconds
WITH report AS (
    SELECT * FROM unnest($1::bigint[], $2::int[], $3::int[], $4::outcome[], $5::int[],
        $6::text[], $7::json[])
    AS r (job_id, epoch, host_id, outcome, exit_code, message, usage)
), ended AS (
    UPDATE member SET
        lease_expires_at = NULL, finished_at = clock_timestamp(), outcome = report.outcome,
        exit_code = report.exit_code, message = report.message, usage = report.usage,
        asked = job.cancel_requested OR job.preempt_grace_seconds IS NOT NULL
    FROM report, job
    WHERE member.job_id = report.job_id AND member.epoch = report.epoch
      AND member.host_id = report.host_id AND member.lease_expires_at IS NOT NULL
      AND job.id = member.job_id
    RETURNING member.job_id, member.epoch, member.host_id, member.outcome
), stopped AS (
    UPDATE job SET preempt_grace_seconds = $8::float8
    FROM ended
    WHERE job.id = ended.job_id AND ended.outcome <> 'succeeded'
      AND job.preempt_grace_seconds IS NULL
    RETURNING job.id
)
SELECT ended.job_id, ended.epoch, ended.host_id, stopped.id IS NOT NULL AS stopped
FROM ended LEFT JOIN stopped ON stopped.id = ended.job_id;

-- name: finished
-- The members of those gangs that have none left, in the order in which they ended.
-- $1 job ids
SELECT member.job_id, member.epoch, member.rank, member.host_id, member.asked, member.outcome,
    member.exit_code, member.message, member.usage
FROM job
JOIN member ON member.job_id = job.id AND member.epoch = job.lease_epoch
WHERE job.id = ANY ($1::bigint[]) AND job.state IN ('leased', 'running')
  AND NOT EXISTS (
    SELECT FROM member AS other
    WHERE other.job_id = job.id AND other.epoch = job.lease_epoch
      AND other.lease_expires_at IS NOT NULL)
ORDER BY member.job_id, member.finished_at, member.rank;

-- name: hand_over
-- The job's row takes over the host of rank 0, as though that host had held the lease alone: from
-- here on storage.leases.settle knows what to do.
-- $1 job ids, $2 the host of rank 0 of each
UPDATE job SET host_id = w.host_id
FROM unnest($1::bigint[], $2::int[]) AS w (job_id, host_id)
WHERE job.id = w.job_id;

-- name: credit
-- Credits the hosts of ranks above 0 with as many slot-seconds as rank 0's.
-- $1 job ids, $2 epochs, $3 slot-seconds of one member, $4 half-life in seconds, $5 cobblestones
-- per GFLOPS-second
WITH earned AS (
    SELECT member.job_id, member.epoch, member.rank, host.id AS host_id, host.account_id,
        w.slot_seconds * host.gflops * $5::float8 AS amount
    FROM unnest($1::bigint[], $2::int[], $3::float8[]) AS w (job_id, epoch, slot_seconds)
    JOIN member USING (job_id, epoch)
    JOIN host ON host.id = member.host_id
    WHERE member.rank > 0
), entries AS (
    INSERT INTO ledger (job_id, epoch, account_id, host_id, amount, kind, rank)
    SELECT job_id, epoch, account_id, host_id, amount, 'credit', rank FROM earned
)
UPDATE host_credit SET
    credit_total = credit_total + sums.credit,
    credit_recent = recent_average(credit_recent, recent_at, now(), sums.credit, $4::float8),
    recent_at = now()
FROM (SELECT host_id, sum(amount) AS credit FROM earned GROUP BY host_id) AS sums
WHERE host_credit.host_id = sums.host_id;

-- name: hosts
-- The hosts of the live members of some jobs.
-- $1 job ids
SELECT DISTINCT host_id FROM member
WHERE job_id = ANY ($1::bigint[]) AND lease_expires_at IS NOT NULL;

-- name: members
-- Every member that a job has had, in order, with the name of its host.
-- $1 job
SELECT member.epoch, member.rank, member.host_id, host.name AS host_name, member.running,
    member.outcome, member.exit_code, member.message
FROM member LEFT JOIN host ON host.id = member.host_id
WHERE member.job_id = $1::bigint
ORDER BY member.epoch, member.rank;
