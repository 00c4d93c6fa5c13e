-- name: donations
-- What a volunteer gives to whom.
-- $1 volunteer
SELECT donation.scientist_id AS to, account.name AS to_name, donation.fraction
FROM donation JOIN account ON account.id = donation.scientist_id
WHERE donation.volunteer_id = $1::int
ORDER BY account.name;

-- name: end_donations
-- $1 volunteer
DELETE FROM donation WHERE volunteer_id = $1::int;

-- name: donate
-- $1 volunteer, $2 scientists, $3 fractions
INSERT INTO donation (volunteer_id, scientist_id, fraction)
SELECT $1::int, scientist_id, fraction
FROM unnest($2::int[], $3::float8[]) AS given (scientist_id, fraction);

-- name: resolve
-- Accounts by name or by id, in one look; deleted ones are not found.
-- $1 names or null, $2 ids or null, each at its place
SELECT given.place, account.id, account.name
FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS given (name, id, place)
JOIN account ON account.name = given.name OR account.id = given.id
WHERE account.state <> 'deleted';

-- name: contribute
-- Adds points to what is left of the earlier ones.
-- $1 accounts, each once and in order, $2 points, $3 half-life in seconds
INSERT INTO contribution AS held (account_id, points)
SELECT * FROM unnest($1::int[], $2::float8[])
ON CONFLICT (account_id) DO UPDATE SET
    points = decayed(held.points, held.points_at, now(), $3::float8) + excluded.points,
    points_at = now()
RETURNING account_id, points;
