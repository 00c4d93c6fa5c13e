-- name: hosts
-- Hosts that may be given work, and whether they were heard of lately.
-- $1 seconds of silence after which a host is no capacity
SELECT id, pool, facts,
    last_seen_at > now() - $1::float8 * interval '1 second' AS heard
FROM host WHERE state = 'active';

-- name: facts_of_pool
-- What the active hosts of a pool are.
-- $1 pool
SELECT facts FROM host WHERE pool = $1::text AND state = 'active';

-- name: accounts
-- What the scheduler weighs, for accounts with open jobs.
-- $1 half-life in seconds
SELECT account_usage.account_id, account.state = 'active' AS active,
    user_submit.group_id, user_submit.minimum_slots, user_submit.maximum_slots,
    decayed(usage_gpu_seconds, usage_at, now(), $1::float8) AS usage_gpu_seconds,
    coalesce(decayed(due.gpu_seconds, due.updated_at, now(), $1::float8), 0) AS due_gpu_seconds,
    basis.policy, basis.quota, basis.own_credit_recent, basis.donated_credit_recent,
    basis.contribution_points
FROM account_usage
JOIN account ON account.id = account_usage.account_id
JOIN user_submit ON user_submit.account_id = account_usage.account_id
JOIN quota_basis($1::float8) AS basis ON basis.account_id = account_usage.account_id
LEFT JOIN account_due AS due ON due.account_id = account_usage.account_id
WHERE account_usage.jobs_open > 0;

-- name: groups
-- The tree of groups; what members without open jobs used, and what was due to them, is their
-- group's too.
-- $1 half-life in seconds
SELECT one.id, one.parent_id, one.weight, one.minimum_slots, one.maximum_slots,
    coalesce(sum(decayed(usage_gpu_seconds, usage_at, now(), $1::float8)), 0) AS usage,
    coalesce(sum(decayed(due.gpu_seconds, due.updated_at, now(), $1::float8)), 0) AS due
FROM share_group AS one
LEFT JOIN user_submit ON user_submit.group_id = one.id
LEFT JOIN account_usage ON account_usage.account_id = user_submit.account_id
    AND account_usage.jobs_open = 0
LEFT JOIN account_due AS due ON due.account_id = account_usage.account_id
GROUP BY one.id
ORDER BY one.id;

-- name: add_due
-- Adds to what was due to accounts, unless another broker leads.
-- $1 accounts, $2 GPU-seconds of each, $3 half-life in seconds, $4 the leader's term
INSERT INTO account_due AS kept (account_id, gpu_seconds)
SELECT more.* FROM unnest($1::int[], $2::float8[]) AS more (account_id, gpu_seconds)
WHERE (SELECT term FROM leader) = $4::bigint
ORDER BY account_id
ON CONFLICT (account_id) DO UPDATE SET
    gpu_seconds = decayed(kept.gpu_seconds, kept.updated_at, now(), $3::float8)
        + excluded.gpu_seconds,
    updated_at = now();

-- name: seen
-- $1 host ids, in order
UPDATE host SET last_seen_at = now() WHERE id = ANY ($1::int[]);
