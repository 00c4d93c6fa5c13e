-- name: create
-- $1 name, $2 title, $3 parent or null, $4 weight, $5 minimum and $6 maximum in slots,
-- $7 most jobs in progress
INSERT INTO share_group (name, title, parent_id, weight, minimum_slots, maximum_slots,
    jobs_in_progress_max)
VALUES ($1::text, $2::text, $3::int, $4::float8, $5::float8, $6::float8, $7::int)
ON CONFLICT ON CONSTRAINT share_group_name_key DO NOTHING
RETURNING id;

-- name: find
-- $1 name or null, $2 id or null
SELECT id FROM share_group WHERE name = $1::text OR id = $2::bigint;

-- name: lock
-- Two people who change one group go one after the other.
-- $1 group
SELECT FROM share_group WHERE id = $1::int FOR UPDATE;

-- name: rows
-- Groups with what people want to know of them, newest first. Jobs are counted for all members
-- below.
-- $1 groups, or null for a page, $2 below id, $3 rows
WITH wanted AS (
    SELECT id FROM share_group
    WHERE ($1::int[] IS NULL OR id = ANY ($1::int[])) AND id < $2::bigint
    ORDER BY id DESC LIMIT $3::int
), open AS (
    SELECT share_group_line.above_id AS id, sum(jobs_open)::int AS jobs
    FROM share_group_line
    JOIN user_submit ON user_submit.group_id = share_group_line.group_id
    JOIN account_usage ON account_usage.account_id = user_submit.account_id
    WHERE share_group_line.above_id IN (SELECT id FROM wanted) AND jobs_open > 0
    GROUP BY share_group_line.above_id
)
SELECT one.id, one.name, one.title, one.parent_id AS parent, parent.name AS parent_name,
    one.weight, one.minimum_slots, one.maximum_slots, one.jobs_in_progress_max,
    coalesce(open.jobs, 0) AS jobs_in_progress,
    (SELECT count(*)::int FROM user_submit WHERE group_id = one.id) AS accounts, one.created_at
FROM share_group AS one
LEFT JOIN share_group AS parent ON parent.id = one.parent_id
LEFT JOIN open ON open.id = one.id
WHERE one.id IN (SELECT id FROM wanted)
ORDER BY one.id DESC;

-- name: set
-- $1 group, $2 title, $3 parent, $4 weight, $5 minimum and $6 maximum in slots, $7 most jobs in
-- progress
UPDATE share_group SET
    title = $2::text, parent_id = $3::int, weight = $4::float8, minimum_slots = $5::float8,
    maximum_slots = $6::float8, jobs_in_progress_max = $7::int
WHERE id = $1::int;

-- name: delete
-- Only what is empty.
-- $1 group
DELETE FROM share_group
WHERE id = $1::int
  AND NOT EXISTS (SELECT FROM share_group AS child WHERE child.parent_id = $1::int)
  AND NOT EXISTS (SELECT FROM user_submit WHERE group_id = $1::int)
RETURNING id;

-- name: join
-- $1 account, $2 group or null
UPDATE user_submit SET group_id = $2::int WHERE account_id = $1::int;

-- name: members
-- Accounts that belong to a group directly, newest first.
-- $1 group, $2 below account, $3 rows
SELECT account.id AS account, account.name AS account_name, share_group.id AS "group",
    share_group.name AS group_name
FROM user_submit
JOIN account ON account.id = user_submit.account_id
JOIN share_group ON share_group.id = user_submit.group_id
WHERE user_submit.group_id = $1::int AND user_submit.account_id < $2::bigint
ORDER BY account.id DESC LIMIT $3::int;

-- name: tree
-- Every group, as the scheduler weighs them.
SELECT id, name, parent_id, weight, minimum_slots, maximum_slots FROM share_group ORDER BY id;

-- name: minima
-- Sums of the minima of accounts, by the group that they belong to.
SELECT group_id, sum(minimum_slots) AS minimum_slots
FROM user_submit WHERE minimum_slots > 0 GROUP BY group_id;

-- name: capacity
-- Slots of the hosts that were heard of lately; parts of GPUs count by their size.
-- $1 seconds of silence after which a host is no capacity
SELECT coalesce(sum(coalesce((facts ->> 'slots')::int, 0) + gpus.slots), 0)::float8
FROM host
CROSS JOIN LATERAL (
    SELECT coalesce(sum(coalesce((gpu ->> 'eighths')::int, 8)), 0) / 8.0 AS slots
    FROM json_array_elements(facts -> 'gpus') AS gpu
) AS gpus
WHERE state = 'active' AND last_seen_at > now() - $1::float8 * interval '1 second';
