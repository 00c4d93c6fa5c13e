-- name: of_account
-- What admins set, what is open, what was consumed, and what the weight is made from; all of it
-- decayed to now. The basis is that of quota_basis, for one account; a test compares them.
-- $1 account, $2 half-life in seconds
WITH credit AS (
    SELECT host.account_id, sum(decayed(credit_recent, recent_at, now(), $2::float8)) AS recent
    FROM host JOIN host_credit ON host_credit.host_id = host.id
    WHERE host.account_id = $1::int
       OR host.account_id IN (SELECT volunteer_id FROM donation WHERE scientist_id = $1::int)
    GROUP BY host.account_id
)
SELECT user_submit.account_id, user_submit.quota_policy AS policy,
    CASE WHEN quota_boost_until > now() THEN quota_boost ELSE quota END AS quota,
    coalesce((SELECT recent FROM credit WHERE account_id = $1::int), 0) AS own_credit_recent,
    coalesce((
        SELECT sum(fraction * recent) FROM donation JOIN credit ON account_id = volunteer_id
        WHERE scientist_id = $1::int
    ), 0) AS donated_credit_recent,
    coalesce((
        SELECT decayed(points, points_at, now(), $2::float8)
        FROM contribution WHERE account_id = $1::int
    ), 0) AS contribution_points,
    CASE WHEN quota_boost_until > now() THEN quota_boost_until END AS quota_until,
    CASE WHEN quota_boost_until > now() THEN quota END AS quota_afterwards,
    user_submit.group_id, share_group.name AS group_name,
    user_submit.minimum_slots, user_submit.maximum_slots, user_submit.jobs_in_progress_max,
    account_usage.jobs_open,
    decayed(usage_gpu_seconds, usage_at, now(), $2::float8) AS usage_gpu_seconds
FROM user_submit
JOIN account_usage USING (account_id)
LEFT JOIN share_group ON share_group.id = user_submit.group_id
WHERE user_submit.account_id = $1::int;

-- name: lock
-- Two people who change one quota go one after the other.
-- $1 account
SELECT FROM user_submit WHERE account_id = $1::int FOR UPDATE;

-- name: set
-- Null keeps a value. A quota without an end replaces a boost; one with an end is a boost.
-- $1 account, $2 quota, $3 when it ends, $4 policy, $5 minimum in slots, $6 whether to set the
-- maximum, $7 maximum in slots, $8 most jobs in progress
UPDATE user_submit SET
    quota = CASE WHEN $3::timestamptz IS NULL THEN coalesce($2::float8, quota) ELSE quota END,
    quota_boost = CASE WHEN $2::float8 IS NULL THEN quota_boost
        WHEN $3::timestamptz IS NULL THEN NULL ELSE $2::float8 END,
    quota_boost_until = CASE WHEN $2::float8 IS NULL THEN quota_boost_until
        ELSE $3::timestamptz END,
    quota_policy = coalesce($4::quota_policy, quota_policy),
    minimum_slots = coalesce($5::float8, minimum_slots),
    maximum_slots = CASE WHEN $6::bool THEN $7::float8 ELSE maximum_slots END,
    jobs_in_progress_max = coalesce($8::int, jobs_in_progress_max)
WHERE account_id = $1::int;

-- name: is_past
-- $1 time
SELECT $1::timestamptz <= now();

-- name: mix
-- How much each policy counts where the policy is `combined`.
SELECT policy, factor FROM quota_mix;

-- name: lock_mix
SELECT FROM quota_mix ORDER BY policy FOR UPDATE;

-- name: set_mix
-- $1 policies, $2 factors
UPDATE quota_mix SET factor = wanted.factor
FROM unnest($1::quota_policy[], $2::float8[]) AS wanted (policy, factor)
WHERE quota_mix.policy = wanted.policy;
