-- name: claim
-- Leases queued jobs to hosts. Whatever is not returned is not a lease: it was cancelled, claimed
-- by an earlier cycle, or the caller is no longer the leader.
-- $1 job ids, $2 host of each, $3 eighths of a slot that each of its devices is, $4 its kind of
-- GPU or null, $5 lease length in seconds, $6 the leader's term
WITH wanted AS (
    SELECT * FROM unnest($1::bigint[], $2::int[], $3::smallint[], $4::smallint[])
        AS w (job_id, host_id, slot_eighths, gpu_kind)
), claimed AS (
    UPDATE job SET
        state = 'leased', lease_epoch = lease_epoch + 1, host_id = wanted.host_id,
        slot_eighths = wanted.slot_eighths, gpu_kind = wanted.gpu_kind,
        leased_at = now(), lease_expires_at = now() + $5::float8 * interval '1 second'
    FROM wanted
    WHERE job.id = wanted.job_id AND job.state = 'queued'
      AND (SELECT term FROM leader) = $6::bigint
    RETURNING job.id, job.lease_epoch, job.host_id, job.batch_id, job.lane_id, job.name,
        job.parameters, job.inputs, job.data, job.cancel_requested, job.gpu_kind
), noted AS (
    INSERT INTO event (kind, batch_id, job_ids)
    SELECT 'leased', batch_id, array_agg(id) FROM claimed GROUP BY batch_id
)
SELECT * FROM claimed;

-- name: keys_of_hosts
-- The live leases of some hosts: enough to compare with what the hosts say they hold.
-- $1 host ids
SELECT id, lease_epoch, host_id, cancel_requested, preempt_grace_seconds
FROM job
WHERE host_id = ANY ($1::int[]) AND state IN ('leased', 'running')
UNION ALL
SELECT id, member.epoch, member.host_id, cancel_requested, preempt_grace_seconds
FROM member JOIN job ON job.id = member.job_id
WHERE member.host_id = ANY ($1::int[]) AND member.lease_expires_at IS NOT NULL;

-- name: by_ids
-- Live leases by job.
-- $1 job ids
SELECT id, lease_epoch, host_id, batch_id, lane_id, name, parameters, inputs, data,
    cancel_requested, gpu_kind
FROM job
WHERE id = ANY ($1::bigint[]) AND state IN ('leased', 'running');

-- name: renew
-- Extends leases that their host still holds.
-- $1 job ids, $2 epochs, $3 hosts, $4 whether each runs, $5 lease length in seconds
WITH wanted AS (
    SELECT * FROM unnest($1::bigint[], $2::int[], $3::int[], $4::bool[])
        AS w (job_id, epoch, host_id, running)
), renewed AS (
    UPDATE job SET
        lease_expires_at = now() + $5::float8 * interval '1 second',
        state = CASE WHEN wanted.running THEN 'running' ELSE job.state END
    FROM wanted, job AS before
    WHERE job.id = wanted.job_id AND before.id = job.id
      AND job.lease_epoch = wanted.epoch AND job.host_id = wanted.host_id
      AND job.state IN ('leased', 'running')
    RETURNING job.id, job.lease_epoch, job.host_id, job.batch_id, job.cancel_requested,
        job.preempt_grace_seconds, before.state <> job.state AS started
), noted AS (
    INSERT INTO event (kind, batch_id, job_ids)
    SELECT 'running', batch_id, array_agg(id) FROM renewed WHERE started GROUP BY batch_id
)
SELECT id, lease_epoch, host_id, cancel_requested, preempt_grace_seconds FROM renewed;

-- name: settle
-- Closes leases and draws every consequence, in one statement: attempt, ledger, usage, credit,
-- batch, outbox, events. broker.domain.jobs.after_attempt says the same rule for one job.
-- $1 job ids, $2 epochs, $3 hosts, $4 outcomes, $5 exit codes, $6 messages, $7 wall seconds,
-- $8 usage as JSON, $9 half-life in seconds, $10 cobblestones per GFLOPS-second; the rule of each
-- outcome: $11 outcomes, $12 target states, $13 whether it is debited, $14 whether it counts as
-- usage (all that is debited does), $15 whether it counts as a failure. Of a gang it credits rank
-- 0's host only: storage.gangs.credit does the others.
WITH report AS (
    SELECT r.*, rule.target, rule.debited, rule.used, rule.fails
    FROM unnest($1::bigint[], $2::int[], $3::int[], $4::outcome[], $5::int[], $6::text[],
        $7::float8[], $8::json[])
    AS r (job_id, epoch, host_id, outcome, exit_code, message, wall_seconds, usage)
    JOIN unnest($11::outcome[], $12::job_state[], $13::bool[], $14::bool[], $15::bool[])
    AS rule (outcome, target, debited, used, fails) USING (outcome)
), ended AS (
    UPDATE job SET
        -- the one place where the job's own history has its say
        state = CASE
            WHEN report.target <> 'queued' THEN report.target
            WHEN job.cancel_requested THEN 'cancelled'
            WHEN report.fails AND job.failures + 1 >= lane.attempts_max THEN 'quarantined'
            ELSE 'queued' END,
        finished_at = CASE
            WHEN report.target = 'queued' AND NOT job.cancel_requested
                AND NOT (report.fails AND job.failures + 1 >= lane.attempts_max) THEN NULL
            ELSE now() END,
        failures = job.failures + report.fails::int,
        exit_code = report.exit_code,
        lease_expires_at = NULL,
        preempt_grace_seconds = NULL
    FROM report, lane
    WHERE job.id = report.job_id AND job.lease_epoch = report.epoch
      AND job.host_id = report.host_id AND job.state IN ('leased', 'running')
      AND lane.id = job.lane_id
    RETURNING job.id, job.lease_epoch, job.host_id, job.batch_id, job.lane_id, job.leased_at,
        job.state, job.failures, job.priority, lane.account_id, lane.slots, report.outcome,
        report.exit_code, report.message, report.usage,
        lane.hosts, job.slot_eighths, report.debited, report.used,
        job.slot_eighths / 8.0::float8 * lane.slots * lane.hosts * least(
            report.wall_seconds, extract(epoch FROM now() - job.leased_at)::float8) AS held
), closed AS (
    SELECT *, CASE WHEN debited THEN held ELSE 0 END AS debit FROM ended
), attempts AS (
    INSERT INTO attempt (job_id, epoch, host_id, leased_at, debited_gpu_seconds, exit_code,
        outcome, message, usage)
    SELECT id, lease_epoch, host_id, leased_at, debit, exit_code, outcome, message, usage
    FROM closed
), entries AS (
    INSERT INTO ledger (job_id, epoch, account_id, host_id, amount, kind)
    SELECT id, lease_epoch, account_id, host_id, debit, 'debit'::ledger_kind FROM closed WHERE state <> 'queued'
    UNION ALL
    SELECT closed.id, lease_epoch, host.account_id, host_id,
        debit / hosts * host.gflops * $10::float8, 'credit'::ledger_kind
    FROM closed JOIN host ON host.id = closed.host_id
    WHERE closed.state = 'succeeded'
), accounts AS (
    UPDATE account_usage SET
        jobs_open = account_usage.jobs_open - sums.ended,
        usage_gpu_seconds =
            decayed(usage_gpu_seconds, usage_at, now(), $9::float8) + sums.faded,
        usage_at = now(),
        debited_gpu_seconds = debited_gpu_seconds + sums.debit  -- budgets: storage.budgets.carry
    FROM (
        SELECT account_id, sum(debit) AS debit,
            sum(CASE WHEN used
                THEN faded(held, slot_eighths / 8.0::float8 * slots * hosts, $9::float8) ELSE 0 END
            ) AS faded,
            count(*) FILTER (WHERE state <> 'queued') AS ended
        FROM closed GROUP BY account_id
    ) AS sums
    WHERE account_usage.account_id = sums.account_id
), hosts AS (
    UPDATE host_credit SET
        credit_total = credit_total + sums.credit,
        credit_recent = recent_average(credit_recent, recent_at, now(), sums.credit, $9::float8),
        recent_at = now()
    FROM (
        SELECT closed.host_id, sum(debit / hosts * host.gflops * $10::float8) AS credit
        FROM closed JOIN host ON host.id = closed.host_id
        WHERE closed.state = 'succeeded' GROUP BY closed.host_id
    ) AS sums
    WHERE host_credit.host_id = sums.host_id
), batches AS (
    UPDATE batch SET
        succeeded = batch.succeeded + sums.succeeded,
        failed = batch.failed + sums.failed,
        cancelled = batch.cancelled + sums.cancelled,
        quarantined = batch.quarantined + sums.quarantined,
        usage_gpu_seconds = batch.usage_gpu_seconds + sums.debit,
        finished_at = CASE WHEN batch.succeeded + batch.failed + batch.cancelled
            + batch.quarantined + sums.ended = batch.jobs THEN now() END
    FROM (
        SELECT batch_id, sum(debit) AS debit,
            count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
            count(*) FILTER (WHERE state = 'failed') AS failed,
            count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
            count(*) FILTER (WHERE state = 'quarantined') AS quarantined,
            count(*) FILTER (WHERE state <> 'queued') AS ended
        FROM closed GROUP BY batch_id
    ) AS sums
    WHERE batch.id = sums.batch_id
    RETURNING batch.id, batch.finished_at
), requeued AS (
    INSERT INTO outbox (lane_id, first_job_id, jobs, priority, available_at)
    SELECT lane_id, id, 1, priority, now() + CASE
        WHEN failures <= 0 THEN interval '0'
        ELSE least(300, 2.0 ^ failures) * (0.75 + random() / 2) * interval '1 second' END
    FROM closed WHERE state = 'queued'
), noted AS (
    INSERT INTO event (kind, batch_id, job_ids)
    SELECT CASE WHEN state = 'queued' THEN 'requeued' ELSE state::text END, batch_id,
        array_agg(id)
    FROM closed GROUP BY batch_id, state
    UNION ALL
    SELECT 'batch_finished', id, '{}' FROM batches WHERE finished_at IS NOT NULL
)
SELECT id, lease_epoch, host_id, outcome, lane_id, batch_id, account_id, slots, state, debit,
    pg_current_xact_id()::text::bigint AS xact
FROM closed;

-- name: closed_before
-- Which of these leases this host closed earlier by a report: they get the stored answer. One that
-- lapsed was closed without the host, which must learn that its work does not count.
-- $1 job ids, $2 epochs, $3 hosts
SELECT attempt.job_id, attempt.epoch, attempt.host_id
FROM unnest($1::bigint[], $2::int[], $3::int[]) AS w (job_id, epoch, host_id)
JOIN attempt USING (job_id, epoch, host_id)
WHERE attempt.outcome <> 'lost'
UNION
SELECT member.job_id, member.epoch, member.host_id
FROM unnest($1::bigint[], $2::int[], $3::int[]) AS w (job_id, epoch, host_id)
JOIN member USING (job_id, epoch, host_id)
WHERE member.outcome <> 'lost';

-- name: expired
-- Leases past their expiry: their hosts are gone.
-- $1 most rows
SELECT id, lease_epoch, host_id, leased_at
FROM job
WHERE state IN ('leased', 'running') AND lease_expires_at < now()
UNION ALL
SELECT member.job_id, member.epoch, member.host_id, job.leased_at
FROM member JOIN job ON job.id = member.job_id
WHERE member.lease_expires_at < now()
ORDER BY id
LIMIT $1::int;

-- name: lapse
-- Lets leases run out at once that their host is not to get: the reaper returns the jobs.
-- $1 host, $2 job ids
WITH members AS (
    UPDATE member SET lease_expires_at = now()
    WHERE job_id = ANY ($2::bigint[]) AND host_id = $1::int AND lease_expires_at IS NOT NULL
)
UPDATE job SET lease_expires_at = now()
WHERE id = ANY ($2::bigint[]) AND host_id = $1::int AND state IN ('leased', 'running');

-- name: ended
-- Jobs that had an attempt on a host and will have no other anywhere.
-- $1 host, $2 job ids
SELECT id FROM job
WHERE id = ANY ($2::bigint[]) AND state NOT IN ('queued', 'leased', 'running') AND (
    EXISTS (SELECT FROM attempt WHERE attempt.job_id = job.id AND attempt.host_id = $1::int)
    OR EXISTS (SELECT FROM member WHERE member.job_id = job.id AND member.host_id = $1::int))
ORDER BY id;

-- name: holds
-- The live lease of one job, if this host holds it at this epoch.
-- $1 job, $2 epoch, $3 host
SELECT job.batch_id, job.lane_id, job.inputs, lane.account_id, lane.version_id, lane.limits,
    coalesce(member.rank, 0) AS rank
FROM job
JOIN lane ON lane.id = job.lane_id
LEFT JOIN member ON member.job_id = job.id AND member.epoch = job.lease_epoch
    AND member.host_id = $3::int AND member.lease_expires_at IS NOT NULL
WHERE job.id = $1::bigint AND job.lease_epoch = $2::int AND job.state IN ('leased', 'running')
  AND (job.host_id = $3::int OR member.rank IS NOT NULL);

-- name: active_by_lane
-- Jobs that hold a lease, by lane, and for how long they have had it, in seconds together: what the
-- leader counts from. Each row says which transactions were seen; there is one row at least.
SELECT pg_current_snapshot()::text AS seen, lane_id, jobs, seconds
FROM (VALUES (true)) AS one LEFT JOIN (
    SELECT lane_id, count(*)::int AS jobs,
        sum(greatest(0, extract(epoch FROM now() - leased_at)))::float8 AS seconds
    FROM job WHERE state IN ('leased', 'running')
    GROUP BY lane_id
) AS active ON true;
