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
    basis.policy, basis.quota, basis.own_credit_recent, basis.donated_credit_recent,
    basis.contribution_points
FROM account_usage
JOIN account ON account.id = account_usage.account_id
JOIN user_submit ON user_submit.account_id = account_usage.account_id
JOIN quota_basis($1::float8) AS basis ON basis.account_id = account_usage.account_id
WHERE account_usage.jobs_open > 0;

-- name: groups
-- The tree of groups; what members without open jobs used counts against their group too.
-- $1 half-life in seconds
SELECT one.id, one.parent_id, one.weight, one.minimum_slots, one.maximum_slots,
    coalesce(sum(decayed(usage_gpu_seconds, usage_at, now(), $1::float8)), 0) AS usage
FROM share_group AS one
LEFT JOIN user_submit ON user_submit.group_id = one.id
LEFT JOIN account_usage ON account_usage.account_id = user_submit.account_id
    AND account_usage.jobs_open = 0
GROUP BY one.id
ORDER BY one.id;

-- name: seen
-- $1 host ids, in order
UPDATE host SET last_seen_at = now() WHERE id = ANY ($1::int[]);
