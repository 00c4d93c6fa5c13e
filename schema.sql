-- Fairlead's whole database, in reading order: who, what, work, results, machinery.
--
-- PostgreSQL 14 or newer; it is the only source of truth. Redis holds nothing that cannot be
-- rebuilt from here. Conventions:
--   * invariants are named constraints; every index names the query that it serves;
--   * database time decides expiry, never a broker's clock;
--   * `job`, `attempt`, `ledger` and `event` are written a thousand rows at a time, so they carry
--     no foreign keys (a row trigger each would cost more than the row). What they refer to is
--     written in the same transaction or earlier and never deleted.

CREATE TABLE deployment (
    id             text PRIMARY KEY,      -- random; prefixes our keys in a shared Redis
    schema_digest  text NOT NULL,         -- SHA-256 of this file when it was applied
    created_at     timestamptz NOT NULL DEFAULT now(),
    singleton      boolean NOT NULL DEFAULT true
        CONSTRAINT deployment_is_one_row CHECK (singleton),
    CONSTRAINT deployment_singleton_key UNIQUE (singleton)
);


-- ---------------------------------------------------------------------------------------------
-- Who
-- ---------------------------------------------------------------------------------------------

CREATE TYPE account_state AS ENUM ('active', 'suspended', 'deleted');

-- Whoever an access list can name. Accounts and teams share the ids, which are never reused; two
-- groups without members have ids of their own.
CREATE TYPE principal_kind AS ENUM ('everyone', 'registered', 'account', 'team');
CREATE SEQUENCE principal_id_seq AS integer;

CREATE TABLE principal (
    id    integer PRIMARY KEY,
    kind  principal_kind NOT NULL
);
INSERT INTO principal VALUES (-1, 'everyone'), (-2, 'registered');

CREATE FUNCTION enter_principal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO principal VALUES (NEW.id, TG_TABLE_NAME::principal_kind);
    RETURN NULL;
END $$;

CREATE TABLE account (
    id              integer PRIMARY KEY DEFAULT nextval('principal_id_seq'),
    name            text NOT NULL,
    title           text NOT NULL DEFAULT '',
    email           text,
    state           account_state NOT NULL DEFAULT 'active',
    import_enabled  boolean NOT NULL DEFAULT true,   -- whether it may import from data roots
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT account_name_key UNIQUE (name)
);
CREATE TRIGGER account_is_principal AFTER INSERT ON account
    FOR EACH ROW EXECUTE FUNCTION enter_principal();

-- A flat group of accounts.
CREATE TABLE team (
    id          integer PRIMARY KEY DEFAULT nextval('principal_id_seq'),
    name        text NOT NULL,
    title       text NOT NULL DEFAULT '',
    created_by  integer REFERENCES account,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT team_name_key UNIQUE (name)
);
CREATE TRIGGER team_is_principal AFTER INSERT ON team
    FOR EACH ROW EXECUTE FUNCTION enter_principal();

CREATE TABLE team_member (
    team_id     integer NOT NULL REFERENCES team,
    account_id  integer NOT NULL REFERENCES account,
    CONSTRAINT team_member_pkey PRIMARY KEY (team_id, account_id)
);
CREATE INDEX team_member_account ON team_member (account_id);  -- storage.access.memberships

-- Labs and virtual organisations, a forest: weights weigh siblings. A trigger
-- (under Quotas) refuses cycles and more than eight levels.
CREATE TABLE share_group (
    id                    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- never reused
    name                  text NOT NULL,
    title                 text NOT NULL DEFAULT '',
    parent_id             integer REFERENCES share_group,   -- null: a root
    weight                double precision NOT NULL DEFAULT 1
        CONSTRAINT share_group_weight_not_negative CHECK (weight >= 0 AND weight < 'Infinity'),
    minimum_slots         double precision NOT NULL DEFAULT 0
        CONSTRAINT share_group_minimum_not_negative
            CHECK (minimum_slots >= 0 AND minimum_slots < 'Infinity'),
    maximum_slots         double precision                  -- null: no cap
        CONSTRAINT share_group_maximum_not_negative
            CHECK (maximum_slots >= 0 AND maximum_slots < 'Infinity'),
    jobs_in_progress_max  integer                           -- null: no limit
        CONSTRAINT share_group_jobs_in_progress_max_not_negative CHECK (jobs_in_progress_max >= 0),
    created_at            timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT share_group_name_key UNIQUE (name),
    CONSTRAINT share_group_minimum_within_maximum CHECK (minimum_slots <= maximum_slots)
);
CREATE INDEX share_group_parent ON share_group (parent_id);  -- the tree, downward

-- BOINC's user_submit: global privileges, quota and limits, one row an account.
CREATE TYPE quota_policy AS ENUM ('combined', 'manual', 'own_hosts', 'donated', 'contribution');

CREATE TABLE user_submit (
    account_id            integer PRIMARY KEY REFERENCES account,
    submit_all_apps       boolean NOT NULL DEFAULT false,
    admin_all_apps        boolean NOT NULL DEFAULT false,
    quota                 double precision NOT NULL DEFAULT 1
        CONSTRAINT user_submit_quota_not_negative CHECK (quota >= 0 AND quota < 'Infinity'),
    quota_boost           double precision   -- in the place of quota until the time below
        CONSTRAINT user_submit_boost_not_negative
            CHECK (quota_boost >= 0 AND quota_boost < 'Infinity'),
    quota_boost_until     timestamptz,
    quota_policy          quota_policy NOT NULL DEFAULT 'combined',
    group_id              integer REFERENCES share_group,   -- null: beside the roots
    minimum_slots         double precision NOT NULL DEFAULT 0
        CONSTRAINT user_submit_minimum_not_negative
            CHECK (minimum_slots >= 0 AND minimum_slots < 'Infinity'),
    maximum_slots         double precision                  -- null: no cap
        CONSTRAINT user_submit_maximum_not_negative
            CHECK (maximum_slots >= 0 AND maximum_slots < 'Infinity'),
    jobs_in_progress_max  integer NOT NULL DEFAULT 2000000
        CONSTRAINT user_submit_jobs_in_progress_max_not_negative CHECK (jobs_in_progress_max >= 0),
    CONSTRAINT user_submit_boost_has_an_end
        CHECK ((quota_boost IS NULL) = (quota_boost_until IS NULL)),
    CONSTRAINT user_submit_minimum_within_maximum CHECK (minimum_slots <= maximum_slots)
);
CREATE INDEX user_submit_group ON user_submit (group_id, account_id);  -- members of a group

-- How much each policy counts in the quota of accounts whose policy is `combined`.
CREATE TABLE quota_mix (
    policy  quota_policy PRIMARY KEY
        CONSTRAINT quota_mix_policy_is_single CHECK (policy <> 'combined'),
    factor  double precision NOT NULL
        CONSTRAINT quota_mix_factor_not_negative CHECK (factor >= 0 AND factor < 'Infinity')
);
INSERT INTO quota_mix (policy, factor)
VALUES ('manual', 1), ('own_hosts', 0), ('donated', 0), ('contribution', 0);

-- The part of a volunteer's recent average credit that counts for a scientist. A trigger refuses
-- more than the whole of it.
CREATE TABLE donation (
    volunteer_id  integer NOT NULL REFERENCES account,
    scientist_id  integer NOT NULL REFERENCES account,
    fraction      double precision NOT NULL
        CONSTRAINT donation_fraction_within_one CHECK (fraction > 0 AND fraction <= 1),
    CONSTRAINT donation_pkey PRIMARY KEY (volunteer_id, scientist_id),
    CONSTRAINT donation_to_another CHECK (volunteer_id <> scientist_id)
);
CREATE INDEX donation_scientist ON donation (scientist_id);  -- quota_basis

-- Points for taking part in the portal; they halve every half-life, like usage.
CREATE TABLE contribution (
    account_id  integer PRIMARY KEY REFERENCES account,
    points      double precision NOT NULL
        CONSTRAINT contribution_points_not_negative CHECK (points >= 0 AND points < 'Infinity'),
    points_at   timestamptz NOT NULL DEFAULT now()
);

-- What an account has open and has consumed. Apart from user_submit, because every report writes
-- it while admins write that one.
CREATE TABLE account_usage (
    account_id            integer PRIMARY KEY REFERENCES account,
    jobs_open             integer NOT NULL DEFAULT 0   -- queued, leased or running
        CONSTRAINT account_usage_jobs_open_not_negative CHECK (jobs_open >= 0),
    usage_gpu_seconds     double precision NOT NULL DEFAULT 0,  -- decayed to usage_at
    usage_at              timestamptz NOT NULL DEFAULT now(),
    debited_gpu_seconds   double precision NOT NULL DEFAULT 0,  -- all that was ever debited
    budgeted_gpu_seconds  double precision NOT NULL DEFAULT 0   -- of it, what budgets know of
) WITH (fillfactor = 50);  -- room for HOT updates

-- The slots that were due to an account by quota alone, moment by moment, integrated as its usage is.
-- Only the leader writes here, in batches, so no report waits for it (docs/adr/0009).
CREATE TABLE account_due (
    account_id   integer PRIMARY KEY REFERENCES account,
    gpu_seconds  double precision NOT NULL,  -- decayed to updated_at
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT account_due_not_negative
        CHECK (gpu_seconds >= 0 AND gpu_seconds < 'Infinity')
) WITH (fillfactor = 50);  -- room for HOT updates

-- GPU-seconds that an account, or all accounts below a group, may use in a period. Reports write
-- account_usage only; the leader carries the difference here, so that no report of a member waits
-- for another member's.
CREATE TABLE budget (
    id                    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id            integer REFERENCES account,
    group_id              integer REFERENCES share_group ON DELETE CASCADE,
    gpu_seconds           double precision NOT NULL
        CONSTRAINT budget_gpu_seconds_not_negative
            CHECK (gpu_seconds >= 0 AND gpu_seconds < 'Infinity'),
    period_days           integer            -- null: it never starts anew
        CONSTRAINT budget_period_days_positive CHECK (period_days > 0),
    started_at            timestamptz NOT NULL DEFAULT now(),
    spent_gpu_seconds     double precision NOT NULL DEFAULT 0,
    reserved_gpu_seconds  double precision NOT NULL DEFAULT 0,  -- for what runs, by the leader
    CONSTRAINT budget_of_account_or_group CHECK (num_nonnulls(account_id, group_id) = 1),
    CONSTRAINT budget_account_key UNIQUE (account_id),
    CONSTRAINT budget_group_key UNIQUE (group_id)
);

-- Each group with itself and all groups above it.
CREATE VIEW share_group_line AS
WITH RECURSIVE line AS (
    SELECT id AS group_id, id AS above_id, parent_id, 1 AS level FROM share_group
    UNION ALL
    SELECT line.group_id, above.id, above.parent_id, line.level + 1
    FROM line JOIN share_group AS above ON above.id = line.parent_id
    WHERE line.level < 100   -- only so that a damaged tree ends, too
)
SELECT group_id, above_id, level FROM line;

-- Which budgets an account draws on: its own, and those of all groups that it belongs to.
CREATE VIEW budget_scope AS
SELECT account_id, id AS budget_id FROM budget WHERE account_id IS NOT NULL
UNION ALL
SELECT user_submit.account_id, budget.id
FROM budget
JOIN share_group_line ON share_group_line.above_id = budget.group_id
JOIN user_submit ON user_submit.group_id = share_group_line.group_id;

-- Budgets as they stand: with what was debited but not carried yet; one whose period is over is
-- fresh, although nobody has written so.
CREATE VIEW budget_now AS
SELECT budget.id, budget.account_id, budget.group_id, budget.gpu_seconds, budget.period_days,
    CASE WHEN period.over THEN 0 ELSE budget.spent_gpu_seconds END
        + coalesce(late.gpu_seconds, 0) AS spent_gpu_seconds,
    budget.reserved_gpu_seconds,
    CASE WHEN period.over THEN now() ELSE budget.started_at END
        + budget.period_days * interval '1 day' AS resets_at
FROM budget
CROSS JOIN LATERAL (
    SELECT coalesce(started_at + period_days * interval '1 day' <= now(), false) AS over
) AS period
LEFT JOIN (
    SELECT budget_id, sum(debited_gpu_seconds - budgeted_gpu_seconds) AS gpu_seconds
    FROM budget_scope JOIN account_usage USING (account_id)
    WHERE debited_gpu_seconds > budgeted_gpu_seconds
    GROUP BY budget_id
) AS late ON late.budget_id = budget.id;

CREATE TYPE host_state AS ENUM ('active', 'draining', 'banned');

CREATE TABLE host (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id    integer NOT NULL REFERENCES account,  -- the owner, who earns its credit
    name          text NOT NULL,
    pool          text NOT NULL,
    state         host_state NOT NULL DEFAULT 'active',
    facts         json NOT NULL,          -- protocol.resources.HostFacts
    gflops        double precision NOT NULL  -- of one slot, copied from the facts for credit
        CONSTRAINT host_gflops_positive CHECK (gflops > 0 AND gflops < 'Infinity'),
    last_seen_at  timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE INDEX host_account ON host (account_id);  -- storage.accounts.weights: credit of own hosts

CREATE TABLE host_credit (
    host_id        integer PRIMARY KEY REFERENCES host,
    credit_total   double precision NOT NULL DEFAULT 0,  -- cobblestones
    credit_recent  double precision NOT NULL DEFAULT 0,  -- cobblestones a day at recent_at
    recent_at      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- What a token of an account may be used for; broker.domain.access.scopes says what each contains.
CREATE TYPE token_scope AS ENUM ('all', 'read', 'submit', 'write', 'hosts', 'admin');

-- A bearer token of an account or of a host; only its hash is kept.
CREATE TABLE token (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  integer REFERENCES account,
    host_id     integer REFERENCES host,
    created_by  integer REFERENCES account,   -- null: no account made it
    name        text NOT NULL DEFAULT '',
    scopes      token_scope[] NOT NULL DEFAULT '{}',
    sha256      bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    revoked_at  timestamptz,
    CONSTRAINT token_sha256_key UNIQUE (sha256),
    CONSTRAINT token_of_account_or_host CHECK (num_nonnulls(account_id, host_id) = 1),
    CONSTRAINT token_of_account_has_scopes CHECK (
        (cardinality(scopes) > 0) = (account_id IS NOT NULL))
);
CREATE INDEX token_account ON token (account_id, id);  -- storage.tokens.page
CREATE INDEX token_host ON token (host_id) WHERE host_id IS NOT NULL;  -- rotate_host, lock_out

-- A single-use token with which one host joins.
CREATE TABLE enrollment (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  integer NOT NULL REFERENCES account,
    name        text NOT NULL DEFAULT '',
    pool        text NOT NULL,
    sha256      bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    host_expires_at  timestamptz,   -- of the token that the host will get; null: never
    CONSTRAINT enrollment_sha256_key UNIQUE (sha256)
);


-- ---------------------------------------------------------------------------------------------
-- Who may do what
-- ---------------------------------------------------------------------------------------------

CREATE TYPE node_kind AS ENUM (
    'deployment', 'app', 'project', 'workspace', 'folder', 'table', 'file', 'data_root', 'pool',
    'image', 'batch');

-- Everything that can be shared is a node of one tree. What is special to a kind stands in a table
-- of its own whose id is the node's. A batch becomes a node only when it gets an access list of
-- its own; else its row names the node that governs it.
CREATE TABLE node (
    id             integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,  -- never reused
    parent_id      integer REFERENCES node,   -- null for the deployment
    -- The node whose access list governs this one: itself, or its parent's. No foreign key: a
    -- check a row would double the time of restamping a great folder, and nodes are purged whole.
    benefactor_id  integer NOT NULL,
    project_id     integer,                   -- the project or workspace that it lies in, or is
    created_by     integer REFERENCES account,
    trash_id       integer,                   -- with what it was put into the trash; null: it is not
    acl_version    integer NOT NULL DEFAULT 1,  -- the etag of its own access list
    depth          smallint NOT NULL
        CONSTRAINT node_depth_max CHECK (depth <= 32),   -- protocol.nodes.NODE_DEPTH_MAX
    kind           node_kind NOT NULL,
    name           text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    trashed_at     timestamptz,
    CONSTRAINT node_root_is_deployment CHECK ((parent_id IS NULL) = (kind = 'deployment')),
    CONSTRAINT node_trashed_at_a_time CHECK ((trash_id IS NULL) = (trashed_at IS NULL))
) WITH (fillfactor = 50);  -- restamping a folder updates in place
-- A name once among siblings of a kind; also storage.nodes.children and the walks down the tree.
CREATE UNIQUE INDEX node_sibling_name ON node (parent_id, kind, name)
    WHERE trash_id IS NULL AND kind <> 'batch';
CREATE INDEX node_parent ON node (parent_id);            -- storage.nodes.restamp
CREATE INDEX node_trash ON node (trash_id) WHERE trash_id IS NOT NULL;  -- restoring, purging
CREATE UNIQUE INDEX node_workspace_of_account ON node (created_by) WHERE kind = 'workspace';

-- What an app or a table is called: `name` for one of the whole deployment, `project/name` for one that
-- lies in a project, and `folder_18/name` or `workspace_5/name` elsewhere.
CREATE VIEW named_node AS
SELECT node.*, CASE place.kind
    WHEN 'deployment' THEN node.name
    WHEN 'project' THEN place.name || '/' || node.name
    ELSE place.kind || '_' || place.id || '/' || node.name END AS handle
FROM node JOIN node AS place ON place.id = node.parent_id;

-- Changes of the tree's shape below one project exclude each other; additions only exclude those,
-- or a new node could inherit what its parent just ceased to have. Any other key would do.
CREATE FUNCTION lock_tree(project integer) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(7021003, coalesce(project, 0))
$$;

-- A new node finds its depth, project and benefactor by itself.
CREATE FUNCTION place_node() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    above   node;
    fits    boolean;
    reason  text;
BEGIN
    IF NEW.kind = 'deployment' THEN
        NEW.benefactor_id := NEW.id;
        NEW.depth := 0;
        RETURN NEW;
    END IF;
    SELECT * INTO above FROM node WHERE id = NEW.parent_id;
    IF above.project_id IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock_shared(7021003, above.project_id);
        SELECT * INTO above FROM node WHERE id = NEW.parent_id;
    END IF;
    fits := CASE
        WHEN above.kind = 'deployment'
        THEN NEW.kind IN ('app', 'project', 'workspace', 'data_root', 'pool', 'image')
        WHEN above.kind IN ('project', 'workspace', 'folder')
        THEN NEW.kind IN ('folder', 'app', 'table', 'file', 'batch')
        ELSE false END;
    reason := CASE
        WHEN above.id IS NULL THEN 'node_parent_id_fkey'
        WHEN NOT fits THEN 'node_kind_fits_parent'
        WHEN above.trash_id IS NOT NULL THEN 'node_parent_is_not_trashed' END;
    IF reason IS NOT NULL THEN
        RAISE EXCEPTION '% cannot lie in %', NEW.kind, above.kind
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = reason;
    END IF;
    NEW.depth := above.depth + 1;
    -- directly below the deployment, everything governs itself
    NEW.benefactor_id := CASE
        WHEN above.kind = 'deployment' OR NEW.kind = 'batch' THEN NEW.id
        ELSE above.benefactor_id END;
    NEW.project_id := CASE
        WHEN NEW.kind IN ('project', 'workspace') THEN NEW.id ELSE above.project_id END;
    RETURN NEW;
END $$;
CREATE TRIGGER node_is_placed BEFORE INSERT ON node
    FOR EACH ROW EXECUTE FUNCTION place_node();

-- Who holds what on a node that is its own benefactor.
CREATE TYPE acl_role AS ENUM (
    'member', 'reader', 'downloader', 'executor', 'editor', 'writer', 'owner', 'submitter',
    'app_admin');

CREATE TABLE acl (
    node_id       integer NOT NULL REFERENCES node,
    principal_id  integer NOT NULL REFERENCES principal,
    role          acl_role NOT NULL,
    CONSTRAINT acl_pkey PRIMARY KEY (node_id, principal_id, role),
    CONSTRAINT acl_everyone_may_at_most_view CHECK (principal_id <> -1 OR role = 'reader'),
    CONSTRAINT acl_registered_get_little CHECK (
        principal_id <> -2 OR role IN ('member', 'reader', 'downloader', 'submitter')),
    CONSTRAINT acl_members_of_the_deployment CHECK (role <> 'member' OR node_id = 1)
);
CREATE INDEX acl_principal ON acl (principal_id);  -- storage.accounts.strip

-- The tree's root, and what every active account may do.
INSERT INTO node (id, kind, name, benefactor_id, depth) OVERRIDING SYSTEM VALUE
    VALUES (1, 'deployment', 'deployment', 1, 0);
SELECT setval('node_id_seq', 1);
INSERT INTO acl VALUES (1, -2, 'member');

-- An account has a workspace from the moment it exists (H1); only itself holds anything there (H2).
CREATE FUNCTION make_workspace() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    workspace  integer;
BEGIN
    INSERT INTO node (kind, parent_id, name, created_by)
        VALUES ('workspace', 1, NEW.name, NEW.id) RETURNING id INTO workspace;
    INSERT INTO project (id) VALUES (workspace);
    INSERT INTO acl VALUES (workspace, NEW.id, 'owner');
    RETURN NULL;
END $$;
CREATE TRIGGER account_owns_workspace AFTER INSERT ON account
    FOR EACH ROW EXECUTE FUNCTION make_workspace();

-- A project or a workspace.
CREATE TABLE project (
    id              integer PRIMARY KEY REFERENCES node,
    title           text NOT NULL DEFAULT '',
    description     text NOT NULL DEFAULT '',
    import_enabled  boolean NOT NULL DEFAULT true
);

-- Files on the hosts under one execution account (C5). The broker never looks at them.
CREATE TABLE data_root (
    id              integer PRIMARY KEY REFERENCES node,
    title           text NOT NULL DEFAULT '',
    path            text NOT NULL                    -- on the hosts, as domain.data_paths leaves it
        CONSTRAINT data_root_path_is_absolute CHECK (path ~ '^(/[^/]+)+$'),
    uid             integer NOT NULL CONSTRAINT data_root_uid_not_root CHECK (uid > 0),
    gid             integer NOT NULL CONSTRAINT data_root_gid_not_root CHECK (gid > 0),
    public          boolean NOT NULL DEFAULT false,  -- belongs to no lab: mixes with any lab's
    import_enabled  boolean NOT NULL DEFAULT true
);

-- A pool of hosts. Hosts and lanes name it; names are unique among pools.
CREATE TABLE pool (
    id     integer PRIMARY KEY REFERENCES node,
    title  text NOT NULL DEFAULT '',
    -- To all projects and everybody's hosts; else it must be bound to a project, and hosts join
    -- by a role on it.
    open   boolean NOT NULL DEFAULT false
);
WITH made AS (
    INSERT INTO node (kind, parent_id, name) VALUES ('pool', 1, 'default') RETURNING id
), shown AS (
    INSERT INTO acl SELECT id, -2, 'reader' FROM made
)
INSERT INTO pool (id, open) SELECT id, true FROM made;

-- Data roots and pools that a project may use (T14, T20).
CREATE TYPE binding_mode AS ENUM ('read', 'write');

CREATE TABLE binding (
    project_id  integer NOT NULL REFERENCES project,
    node_id     integer NOT NULL REFERENCES node,
    mode        binding_mode NOT NULL DEFAULT 'read',  -- of a data root
    CONSTRAINT binding_pkey PRIMARY KEY (project_id, node_id)
);
CREATE INDEX binding_node ON binding (node_id);  -- where a data root or pool is bound

-- A container image: a path that app versions refer to (T13).
CREATE TABLE image (
    id          integer PRIMARY KEY REFERENCES node,
    path        text NOT NULL,
    digest      text NOT NULL
        CONSTRAINT image_digest_is_sha256 CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    categories  text[] NOT NULL DEFAULT '{}'
);

-- A file of a project: content in the file directory, or a place below a data root, whose bytes
-- never pass the broker.
CREATE TABLE file (
    id          integer PRIMARY KEY REFERENCES node,
    size_bytes  bigint,      -- null below a data root
    sha256      bytea,
    root_id     integer REFERENCES data_root,
    path        text,        -- below the root
    CONSTRAINT file_has_content_or_a_root CHECK (
        (num_nulls(sha256, size_bytes), num_nulls(root_id, path)) IN ((0, 2), (2, 0)))
);
CREATE INDEX node_files ON node (project_id, id) WHERE kind = 'file';  -- storage.imports.page
CREATE INDEX file_root ON file (root_id) WHERE root_id IS NOT NULL;  -- storage.data_roots.uses

-- A table of typed rows (T10). Its name and place stand in its node.
CREATE TABLE data_table (
    id           integer PRIMARY KEY REFERENCES node ON DELETE CASCADE,
    description  text NOT NULL DEFAULT '',
    columns      json NOT NULL,               -- protocol.tables.Column, in order
    rows         integer NOT NULL DEFAULT 0
        CONSTRAINT data_table_rows_max CHECK (rows BETWEEN 0 AND 1000000),  -- limits, too
    last_number  integer NOT NULL DEFAULT 0   -- of a row; never used twice
);

-- The cells stand in the order of the columns, written once: as text, so that every number comes
-- back as it was. No foreign key: a million rows at a time.
CREATE TABLE table_row (
    table_id  integer NOT NULL,
    number    integer NOT NULL,
    cells     json NOT NULL,
    CONSTRAINT table_row_pkey PRIMARY KEY (table_id, number)
);

CREATE FUNCTION delete_rows_of_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM table_row WHERE table_id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER data_table_takes_its_rows AFTER DELETE ON data_table
    FOR EACH ROW EXECUTE FUNCTION delete_rows_of_table();

-- Items whose access list is not their project's (Y12); always current (Y13).
CREATE VIEW benefactor_audit AS
SELECT node.id, node.kind, node.name, node.parent_id, node.project_id, node.benefactor_id,
    node.id = node.benefactor_id AS has_own_acl
FROM node
WHERE node.project_id IS NOT NULL AND node.benefactor_id <> node.project_id
  AND node.trash_id IS NULL;


-- ---------------------------------------------------------------------------------------------
-- What can be run
-- ---------------------------------------------------------------------------------------------

CREATE TYPE app_state AS ENUM ('active', 'deprecated');
CREATE TYPE version_state AS ENUM ('draft', 'published', 'deprecated');
-- What others see of the batches of an app. Each batch carries the class that its app had when it
-- was submitted, or `personal` where its submitter keeps it private.
CREATE TYPE isolation AS ENUM ('personal', 'shared', 'read_shared', 'strict_personal');

-- Its name, who made it and when stand in its node.
CREATE TABLE app (
    id           integer PRIMARY KEY REFERENCES node,
    title        text NOT NULL DEFAULT '',
    description  text NOT NULL DEFAULT '',
    state        app_state NOT NULL DEFAULT 'active',
    isolation    isolation NOT NULL DEFAULT 'personal'
);

-- A spec is written into a draft that nobody has run, and never again.
CREATE TABLE app_version (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id         integer NOT NULL REFERENCES app,
    number         integer NOT NULL
        CONSTRAINT app_version_number_positive CHECK (number > 0),
    state          version_state NOT NULL DEFAULT 'draft',
    spec           json NOT NULL,   -- protocol.apps.VersionSpec
    image_id       integer REFERENCES image,   -- that the spec names; null: none
    created_by     integer NOT NULL REFERENCES account,
    created_at     timestamptz NOT NULL DEFAULT now(),
    run_at         timestamptz,    -- when jobs were first submitted to it while it was a draft
    published_at   timestamptz,
    deprecated_at  timestamptz,
    CONSTRAINT app_version_number_key UNIQUE (app_id, number),
    CONSTRAINT app_version_states_have_times CHECK (
        (state = 'draft') = (published_at IS NULL)
        AND (state = 'deprecated') = (deprecated_at IS NOT NULL))
);
CREATE INDEX app_version_image ON app_version (image_id) WHERE image_id IS NOT NULL;  -- storage.images.versions

-- Who changed what of an app and its versions, and when (T9). Append-only.
CREATE TYPE app_edit_kind AS ENUM (
    'created', 'changed', 'deprecated', 'deleted',
    'version_created', 'version_changed', 'version_published', 'version_deprecated');

CREATE TABLE app_edit (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id          integer NOT NULL REFERENCES app,
    account_id      integer NOT NULL REFERENCES account,
    version_number  integer,           -- null: of the app itself
    kind            app_edit_kind NOT NULL,
    changes         json NOT NULL,     -- protocol.apps.FieldChange by JSON pointer
    at              timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX app_edit_app ON app_edit (app_id, id);  -- storage.app_edits.page

-- BOINC's user_submit_app: privileges of one account on one app. The access lists of the apps are
-- the truth; teams and `registered` may stand there too.
CREATE VIEW user_submit_app AS
SELECT acl.principal_id AS account_id, acl.node_id AS app_id,
    bool_or(acl.role = 'submitter') AS submit, bool_or(acl.role = 'app_admin') AS admin
FROM acl
JOIN app ON app.id = acl.node_id
JOIN account ON account.id = acl.principal_id
WHERE acl.role IN ('submitter', 'app_admin')
GROUP BY acl.principal_id, acl.node_id;


-- ---------------------------------------------------------------------------------------------
-- Work
-- ---------------------------------------------------------------------------------------------

-- All jobs of a lane are interchangeable to the scheduler: same account, version, pool, resources
-- and limits.
CREATE TABLE lane (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id    integer NOT NULL REFERENCES account,
    version_id    integer NOT NULL REFERENCES app_version,
    pool          text NOT NULL,
    resources     text NOT NULL,      -- canonical JSON of protocol.resources.Resources
    limits        text NOT NULL,      -- canonical JSON of protocol.resources.JobLimits
    slots         smallint NOT NULL   -- that one job occupies on each of its hosts; or parts
        CONSTRAINT lane_slots_positive CHECK (slots > 0),
    hosts         smallint NOT NULL DEFAULT 1   -- that one job runs on at once; above 1: a gang
        CONSTRAINT lane_hosts_positive CHECK (hosts > 0),
    attempts_max  smallint NOT NULL
        CONSTRAINT lane_attempts_max_positive CHECK (attempts_max > 0),
    CONSTRAINT lane_key UNIQUE (account_id, version_id, pool, resources, limits)
);

-- Job ids are taken in blocks. Call it outside of a transaction: the lock, which keeps two blocks
-- from overlapping, lasts until the end of the statement then.
CREATE SEQUENCE job_id_seq AS bigint;

CREATE FUNCTION reserve_job_ids(wanted bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
BEGIN
    PERFORM pg_advisory_xact_lock('job_id_seq'::regclass::bigint);
    first := nextval('job_id_seq');
    PERFORM setval('job_id_seq', first + wanted - 1);
    RETURN first;
END $$;

-- Gives back the unused end of a block, when nobody has reserved behind it.
CREATE FUNCTION return_job_ids(last_used bigint, last_reserved bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock('job_id_seq'::regclass::bigint);
    PERFORM setval('job_id_seq', last_used + 1, false)
    FROM job_id_seq WHERE last_value = last_reserved AND is_called;
END $$;

CREATE TABLE batch (
    -- The id of its first job. The jobs of a batch have consecutive ids, so a list of them is a
    -- range of job's primary key.
    id                 bigint PRIMARY KEY,
    account_id         integer NOT NULL,
    lane_id            integer NOT NULL,
    app_id             integer NOT NULL,
    node_id            integer NOT NULL,   -- what governs it: project, workspace, folder, or its own
    priority           smallint NOT NULL DEFAULT 0,
    isolation          isolation NOT NULL DEFAULT 'personal',  -- stamped from the app's
    name               text NOT NULL DEFAULT '',
    jobs               integer NOT NULL,
    succeeded          integer NOT NULL DEFAULT 0,
    failed             integer NOT NULL DEFAULT 0,
    cancelled          integer NOT NULL DEFAULT 0,
    quarantined        integer NOT NULL DEFAULT 0,
    usage_gpu_seconds  double precision NOT NULL DEFAULT 0,
    created_at         timestamptz NOT NULL DEFAULT now(),
    finished_at        timestamptz,
    CONSTRAINT batch_has_jobs CHECK (jobs > 0),
    CONSTRAINT batch_ends_within_jobs CHECK (succeeded + failed + cancelled + quarantined <= jobs),
    CONSTRAINT batch_finished_when_all_ended CHECK (
        (finished_at IS NOT NULL) = (succeeded + failed + cancelled + quarantined = jobs))
) WITH (fillfactor = 50);
CREATE INDEX batch_account ON batch (account_id, id);  -- storage.batches.page: own batches
CREATE INDEX batch_app ON batch (app_id, id);          -- storage.batches.page: batches of an app
CREATE INDEX batch_node ON batch (node_id, id);        -- storage.batches.visible: what is shared
-- storage.batches.visible: what those see who see the app
CREATE INDEX batch_shared ON batch (app_id, id) WHERE isolation IN ('shared', 'read_shared');

-- Break-glass: whoever administers everything may read one strictly personal batch of another's for a
-- while, with a reason. The owner is told.
CREATE TABLE opening (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id    bigint NOT NULL,
    account_id  integer NOT NULL REFERENCES account,   -- who reads
    reason      text NOT NULL,
    opened_at   timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    CONSTRAINT opening_at_most_a_day CHECK (expires_at <= opened_at + interval '1 day')
);
CREATE INDEX opening_batch ON opening (batch_id, id);  -- storage.openings.stands, page

CREATE TYPE outcome AS ENUM (
    'succeeded', 'failed', 'timed_out', 'out_of_memory', 'output_invalid', 'cancelled',
    'host_error', 'lost', 'preempted');

CREATE TYPE job_state AS ENUM (
    'queued', 'leased', 'running', 'succeeded', 'failed', 'cancelled', 'quarantined');

-- The job row carries its live lease; closed leases become rows of `attempt`. So "leased means
-- exactly one active attempt" holds by construction.
CREATE TABLE job (
    id                bigint NOT NULL,
    batch_id          bigint NOT NULL,
    leased_at         timestamptz,          -- of the current or last lease
    lease_expires_at  timestamptz,          -- null unless leased or running; infinity for a gang
    finished_at       timestamptz,          -- null unless terminal
    lane_id           integer NOT NULL,
    host_id           integer,              -- of the current or last lease; null while a gang runs
    lease_epoch       integer NOT NULL DEFAULT 0,
    exit_code         integer,
    state             job_state NOT NULL DEFAULT 'queued',
    priority          smallint NOT NULL DEFAULT 0,
    failures          smallint NOT NULL DEFAULT 0,  -- attempts that count towards quarantine
    -- Of the current or last lease: how much of a whole slot each of its devices is, in eighths,
    -- which is what it costs; and of which of the host's kinds of GPU they are.
    slot_eighths      smallint NOT NULL DEFAULT 8
        CONSTRAINT job_slot_eighths_of_a_whole CHECK (slot_eighths BETWEEN 1 AND 8),
    gpu_kind          smallint,             -- null: a CPU slot; of a gang, see member
    cancel_requested  boolean NOT NULL DEFAULT false,
    -- The host was asked to hand the job back and may take so long; null: it was not.
    preempt_grace_seconds  real,
    name              text,                 -- null: the job's id
    parameters        json NOT NULL,
    inputs            json,
    data              json,                 -- places below data roots: protocol.data.DataUse
    CONSTRAINT job_pkey PRIMARY KEY (id),
    CONSTRAINT job_active_has_lease CHECK (
        (state IN ('leased', 'running')) = (lease_expires_at IS NOT NULL)),
    CONSTRAINT job_terminal_has_end CHECK (
        (state IN ('succeeded', 'failed', 'cancelled', 'quarantined')) = (finished_at IS NOT NULL))
);
-- storage.lanes.queued_runs (a rebuild of Redis) and storage.lanes.queued.
CREATE INDEX job_queued ON job (lane_id, priority DESC, id) WHERE state = 'queued';
-- storage.leases.of_hosts (every poll), storage.leases.expired (the reaper), active counts.
CREATE INDEX job_active ON job (host_id) WHERE state IN ('leased', 'running');
-- storage.batches.copy_unsuccessful (a rerun) and storage.jobs.of_batches: few among a million.
CREATE INDEX job_unsuccessful ON job (id) WHERE state IN ('failed', 'cancelled', 'quarantined');

-- The data roots that the jobs of a batch use, for a rerun to ask again. No foreign keys: once the
-- batch has ended a root may go, and its id never comes back.
CREATE TABLE batch_root (
    batch_id  bigint NOT NULL,
    root_id   integer NOT NULL,
    mode      binding_mode NOT NULL,
    CONSTRAINT batch_root_pkey PRIMARY KEY (batch_id, root_id, mode)
);
CREATE INDEX batch_root_root ON batch_root (root_id);  -- storage.data_roots.uses

-- Pools in which running jobs may be taken back for accounts below their share: opt-in by a row.
CREATE TABLE preemption (
    pool                 text PRIMARY KEY,
    minimum_run_seconds  double precision NOT NULL   -- a job runs at least so long undisturbed
        CONSTRAINT preemption_minimum_run_not_negative
            CHECK (minimum_run_seconds >= 0 AND minimum_run_seconds < 'Infinity'),
    grace_seconds        double precision NOT NULL   -- between TERM and KILL
        CONSTRAINT preemption_grace_not_negative
            CHECK (grace_seconds >= 0 AND grace_seconds < 'Infinity'),
    jobs_per_minute_max  integer NOT NULL
        CONSTRAINT preemption_jobs_per_minute_positive CHECK (jobs_per_minute_max > 0)
);

-- The same rule as broker.domain.jobs.TRANSITIONS; a test compares them. As a WHEN clause it
-- costs no function call on the allowed ways.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %: %', TG_NAME, TG_TABLE_NAME, coalesce(to_jsonb(OLD)->>'id', 'row')
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME;
END $$;

CREATE TRIGGER job_transition_allowed BEFORE UPDATE ON job FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
        ('queued', 'leased'), ('queued', 'cancelled'),
        ('leased', 'running'), ('leased', 'succeeded'), ('leased', 'failed'),
        ('leased', 'cancelled'), ('leased', 'queued'), ('leased', 'quarantined'),
        ('running', 'succeeded'), ('running', 'failed'),
        ('running', 'cancelled'), ('running', 'queued'), ('running', 'quarantined')))
    EXECUTE FUNCTION refuse_change();

CREATE TRIGGER app_edit_is_append_only BEFORE UPDATE OR DELETE ON app_edit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();


-- The leases of a gang, a job on several hosts at once: one row a host, live until
-- `lease_expires_at` is null. While one lives, so does the attempt; with the last of them the
-- attempt is closed and the job's row takes over the host of rank 0.
CREATE TABLE member (
    job_id            bigint NOT NULL,
    epoch             integer NOT NULL,
    host_id           integer NOT NULL,
    rank              smallint NOT NULL,
    gpu_kind          smallint,                      -- as job.gpu_kind
    running           boolean NOT NULL DEFAULT false,
    lease_expires_at  timestamptz,                   -- null once it has ended
    finished_at       timestamptz,
    -- Whether it ended after the whole attempt was to be stopped: then it is not to blame.
    asked             boolean NOT NULL DEFAULT false,
    outcome           outcome,
    exit_code         integer,
    message           text NOT NULL DEFAULT '',
    usage             json,                          -- protocol.leases.Usage
    CONSTRAINT member_pkey PRIMARY KEY (job_id, epoch, rank),
    CONSTRAINT member_host_key UNIQUE (job_id, epoch, host_id),
    CONSTRAINT member_ends_once CHECK (
        num_nulls(finished_at, outcome, usage) = CASE WHEN lease_expires_at IS NULL THEN 0 ELSE 3 END)
);
-- storage.leases.keys_of_hosts (every poll), storage.leases.expired (the reaper).
CREATE INDEX member_active ON member (host_id) WHERE lease_expires_at IS NOT NULL;


-- ---------------------------------------------------------------------------------------------
-- Results
-- ---------------------------------------------------------------------------------------------

-- Closed leases.
CREATE TABLE attempt (
    job_id               bigint NOT NULL,
    epoch                integer NOT NULL,
    host_id              integer NOT NULL,
    leased_at            timestamptz NOT NULL,
    finished_at          timestamptz NOT NULL DEFAULT now(),
    debited_gpu_seconds  double precision NOT NULL,
    exit_code            integer,
    outcome              outcome NOT NULL,
    message              text NOT NULL DEFAULT '',
    usage                json NOT NULL,     -- protocol.leases.Usage
    CONSTRAINT attempt_pkey PRIMARY KEY (job_id, epoch)
);

-- What was charged to accounts and granted to hosts. Append-only.
CREATE TYPE ledger_kind AS ENUM ('debit', 'credit');

CREATE TABLE ledger (
    job_id      bigint NOT NULL,
    epoch       integer NOT NULL,
    account_id  integer NOT NULL,      -- the submitter of a debit, the host's owner of a credit
    host_id     integer NOT NULL,
    amount      double precision NOT NULL  -- slot-seconds of a debit, cobblestones of a credit
        CONSTRAINT ledger_amount_not_negative CHECK (amount >= 0 AND amount < 'Infinity'),
    at          timestamptz NOT NULL DEFAULT now(),
    kind        ledger_kind NOT NULL,
    -- Of a gang's credits, one a host. A debit is the whole attempt's, so there is never a second.
    rank        smallint NOT NULL DEFAULT 0
        CONSTRAINT ledger_debit_is_one CHECK (rank = 0 OR (rank > 0 AND kind = 'credit')),
    CONSTRAINT ledger_pkey PRIMARY KEY (job_id, epoch, kind, rank)
);
CREATE TRIGGER ledger_is_append_only BEFORE UPDATE OR DELETE ON ledger
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Output files, recorded when uploaded; they count once the attempt at that epoch is accepted.
CREATE TABLE output (
    job_id      bigint NOT NULL,
    epoch       integer NOT NULL,
    name        text NOT NULL,
    size_bytes  bigint NOT NULL,
    sha256      bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT output_pkey PRIMARY KEY (job_id, epoch, name)
);

-- Contents to which only removed batches referred, perhaps. They leave the file directory later, when
-- surely nobody is uploading the same.
CREATE TABLE discarded_content (
    sha256  bytea PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now()
);

-- Content that an account uploaded for inputs. A row an account: knowing a digest gives no access.
CREATE TABLE blob (
    sha256      bytea NOT NULL,
    account_id  integer NOT NULL REFERENCES account,
    size_bytes  bigint NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT blob_pkey PRIMARY KEY (sha256, account_id)
);


-- ---------------------------------------------------------------------------------------------
-- Machinery
-- ---------------------------------------------------------------------------------------------

-- What Redis must still be told: a run of consecutive jobs of one lane that became queued, or
-- that left the queue without being leased.
CREATE TYPE outbox_kind AS ENUM ('push', 'remove');

CREATE TABLE outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- storage.outbox.take, in order
    first_job_id  bigint NOT NULL,
    available_at  timestamptz NOT NULL DEFAULT now(),   -- later for a job that backs off
    jobs          integer NOT NULL,
    lane_id       integer NOT NULL,
    priority      smallint NOT NULL,
    kind          outbox_kind NOT NULL DEFAULT 'push'
);

-- What happened, for those who watch. Rows become visible in the order (xid, id) once no older
-- transaction runs, so a reader who remembers the last pair misses nothing.
CREATE TABLE event (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    batch_id    bigint NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    kind        text NOT NULL,
    job_ids     bigint[] NOT NULL,
    CONSTRAINT event_pkey PRIMARY KEY (xid, id)        -- storage.events.after
);
CREATE INDEX event_at ON event USING brin (at);        -- the janitor drops old ones

-- What the scheduler decided about a lane, written when something changed; for explanations
-- afterwards. No foreign keys: thousands of rows at a time.
CREATE TABLE decision (
    at                 timestamptz NOT NULL DEFAULT now(),
    term               bigint NOT NULL,
    cycle              bigint NOT NULL,
    lane_id            integer NOT NULL,
    account_id         integer NOT NULL,
    granted_jobs       integer NOT NULL,   -- since the row before
    pending_jobs       integer NOT NULL,
    allocated_slots    double precision NOT NULL,   -- of the account
    account_rank       integer NOT NULL,   -- 0: nothing of it waits
    entitlement_slots  double precision NOT NULL,
    weight_adjusted    double precision NOT NULL,
    reason             text NOT NULL
);
CREATE INDEX decision_lane ON decision (lane_id, at);  -- storage.decisions.near
CREATE INDEX decision_at ON decision USING brin (at);  -- the janitor drops old ones

-- One row: which broker runs the scheduler. `term` fences the writes of a deposed leader.
CREATE TABLE leader (
    singleton   boolean PRIMARY KEY DEFAULT true CONSTRAINT leader_is_one_row CHECK (singleton),
    leader_id   text NOT NULL,
    term        bigint NOT NULL,
    elected_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
INSERT INTO leader (leader_id, term, elected_at, expires_at) VALUES ('', 0, now(), now());

-- Answers to mutations that carried an Idempotency-Key.
CREATE TABLE idempotency (
    account_id      integer NOT NULL,
    key             text NOT NULL,
    request_sha256  bytea NOT NULL,
    status          smallint NOT NULL,
    body            bytea NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_pkey PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_at ON idempotency USING brin (created_at);  -- the janitor


-- ---------------------------------------------------------------------------------------------
-- What was changed, by whom
-- ---------------------------------------------------------------------------------------------

-- Every change of administration, written in its own transaction. Each entry is chained to the one
-- before it by a digest over both: whoever alters, removes or adds one afterwards breaks the chain,
-- whatever rights they have here. The place in the chain is given at the very end of a transaction.
CREATE TABLE audit_log (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position    bigint,                  -- counted from 1 without gaps; null only until the commit
    at          timestamptz NOT NULL DEFAULT now(),
    account_id  integer,                 -- who did it: an account, or a host; null for the server
    host_id     integer,
    token_id    integer,                 -- that proved it
    action      text NOT NULL,
    request     text NOT NULL,           -- method and route
    objects     text[] NOT NULL,
    details     json NOT NULL,           -- text as it was written: the digest is over it
    status      smallint NOT NULL,
    sha256      bytea,
    CONSTRAINT audit_log_position_key UNIQUE (position),   -- storage.audit.page, stretch
    CONSTRAINT audit_log_chained_whole CHECK ((position IS NULL) = (sha256 IS NULL))
);
CREATE INDEX audit_log_account ON audit_log (account_id, position);  -- storage.audit.page
CREATE INDEX audit_log_action ON audit_log (action, position);       -- storage.audit.page
CREATE INDEX audit_log_objects ON audit_log USING gin (objects);     -- storage.audit.page

-- One row: the newest entry. Whoever holds its lock waits for nothing else.
CREATE TABLE audit_head (
    singleton  boolean PRIMARY KEY DEFAULT true
        CONSTRAINT audit_head_is_one_row CHECK (singleton),
    position   bigint NOT NULL,
    sha256     bytea NOT NULL
) WITH (fillfactor = 50);
INSERT INTO audit_head (position, sha256) VALUES (0, decode(repeat('00', 32), 'hex'));

CREATE FUNCTION audit_digest(previous bytea, entry audit_log) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(previous || convert_to(jsonb_build_array(
        entry.position, to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
        entry.account_id, entry.host_id, entry.token_id, entry.action, entry.request,
        entry.objects, entry.details::text, entry.status)::text, 'UTF8'))
$$;

CREATE FUNCTION chain_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head   audit_head;
    entry  audit_log := NEW;
BEGIN
    SELECT * INTO head FROM audit_head FOR UPDATE;
    entry.position := head.position + 1;
    entry.at := clock_timestamp();
    entry.sha256 := audit_digest(head.sha256, entry);
    UPDATE audit_log SET position = entry.position, at = entry.at, sha256 = entry.sha256
        WHERE id = NEW.id;
    UPDATE audit_head SET position = entry.position, sha256 = entry.sha256;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER audit_entry_is_chained AFTER INSERT ON audit_log
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chain_audit_entry();

CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW WHEN (OLD.sha256 IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_is_never_emptied BEFORE TRUNCATE ON audit_log
    EXECUTE FUNCTION refuse_change();


-- ---------------------------------------------------------------------------------------------
-- Averages, as in broker.domain.averages; a test compares them
-- ---------------------------------------------------------------------------------------------

-- A value that halves every half-life. A clock that steps back changes nothing.
CREATE FUNCTION decayed(
    value double precision, since timestamptz, at timestamptz, half_life_seconds double precision
) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT value * exp(greatest(-700, -ln(2.0::double precision)
        * greatest(0, date_part('epoch', at - since)) / half_life_seconds))
$$;

-- GPU-seconds that so many slots used evenly until now, as an average that fades has them: less,
-- for the beginning has faded already (broker.scheduling.history).
CREATE FUNCTION faded(
    gpu_seconds double precision, slots double precision, half_life_seconds double precision
) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN gpu_seconds < 1e-6 * slots * half_life_seconds THEN gpu_seconds
        ELSE slots * half_life_seconds / ln(2.0::double precision)
            * (1 - exp(greatest(-700, -ln(2.0::double precision)
                * gpu_seconds / (slots * half_life_seconds)))) END
$$;

-- BOINC's recent average credit after `work` more credit, in credit a day (lib/average): the work
-- is spread over the time since the last sample. For a tiny time the limit of the formula.
CREATE FUNCTION recent_average(
    average double precision, since timestamptz, at timestamptz, work double precision,
    half_life_seconds double precision
) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN extract(epoch FROM at - since) < 1e-3 * half_life_seconds / 86400
        THEN decayed(average, since, at, half_life_seconds)
            + ln(2.0::double precision) * work * 86400 / half_life_seconds
        ELSE decayed(average, since, at, half_life_seconds)
            + (1 - decayed(1, since, at, half_life_seconds))
                * work * 86400 / extract(epoch FROM at - since)::double precision
        END
$$;


-- ---------------------------------------------------------------------------------------------
-- Quotas
-- ---------------------------------------------------------------------------------------------

-- What broker.domain.quotas makes weights from, decayed to now, for all accounts in one pass. It is
-- planned as a part of the query that calls it. No array of accounts is passed in: a plan that
-- PostgreSQL keeps for arrays of any length is ten times slower with ten thousand.
CREATE FUNCTION quota_basis(half_life_seconds double precision)
RETURNS TABLE (
    account_id integer, policy quota_policy, quota double precision,
    own_credit_recent double precision, donated_credit_recent double precision,
    contribution_points double precision
) LANGUAGE sql STABLE AS $$
    WITH credit AS (
        SELECT host.account_id,
            sum(decayed(credit_recent, recent_at, now(), half_life_seconds)) AS recent
        FROM host_credit JOIN host ON host.id = host_credit.host_id
        WHERE credit_recent > 0
        GROUP BY host.account_id
    ), donated AS (
        SELECT donation.scientist_id, sum(donation.fraction * credit.recent) AS recent
        FROM donation JOIN credit ON credit.account_id = donation.volunteer_id
        GROUP BY donation.scientist_id
    )
    SELECT user_submit.account_id, user_submit.quota_policy,
        CASE WHEN user_submit.quota_boost_until > now() THEN user_submit.quota_boost
            ELSE user_submit.quota END,
        coalesce(own.recent, 0), coalesce(donated.recent, 0),
        coalesce(decayed(points, points_at, now(), half_life_seconds), 0)
    FROM user_submit
    LEFT JOIN credit AS own ON own.account_id = user_submit.account_id
    LEFT JOIN donated ON donated.scientist_id = user_submit.account_id
    LEFT JOIN contribution ON contribution.account_id = user_submit.account_id
$$;

CREATE FUNCTION refuse(name text, detail text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', detail
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = name;
END $$;

-- The tree stays a forest of at most eight levels (protocol.limits.GROUP_LEVELS_MAX). Changes of
-- the tree go one after the other, or two moves at once could close a circle that neither sees.
CREATE FUNCTION check_group_tree() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    above integer;
    below integer;
BEGIN
    PERFORM pg_advisory_xact_lock(7021002);
    IF NEW.parent_id IS NULL THEN
        above := 0;
    ELSE
        IF EXISTS (SELECT FROM share_group_line
                WHERE group_id = NEW.parent_id AND above_id = NEW.id) THEN
            PERFORM refuse('share_group_no_cycle',
                format('group %s would be above itself', NEW.id));
        END IF;
        SELECT max(level) INTO above FROM share_group_line WHERE group_id = NEW.parent_id;
    END IF;
    SELECT coalesce(max(level), 1) INTO below FROM share_group_line WHERE above_id = NEW.id;
    IF above + below > 8 THEN
        PERFORM refuse('share_group_levels_max',
            format('group %s would have %s levels', NEW.id, above + below));
    END IF;
    RETURN NULL;
END $$;
-- After the row, so that the tree that is looked at is the one that would be.
CREATE TRIGGER share_group_is_a_tree AFTER INSERT OR UPDATE OF parent_id ON share_group
    FOR EACH ROW EXECUTE FUNCTION check_group_tree();

-- A volunteer gives away at most all of its credit.
CREATE FUNCTION check_donations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Rows of one volunteer go one after the other.
    PERFORM FROM user_submit WHERE account_id = NEW.volunteer_id FOR UPDATE;
    IF (SELECT sum(fraction) FROM donation WHERE volunteer_id = NEW.volunteer_id) > 1 + 1e-9 THEN
        PERFORM refuse('donation_at_most_everything',
            format('account %s would give away more than it has', NEW.volunteer_id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER donation_at_most_everything AFTER INSERT OR UPDATE ON donation
    FOR EACH ROW EXECUTE FUNCTION check_donations();


-- ---------------------------------------------------------------------------------------------
-- Execution accounts on hosts
-- ---------------------------------------------------------------------------------------------

-- As whom the jobs of a lab (a team) or of an account run on hosts (C5). Data roots bring their own.
CREATE TABLE unix_account (
    principal_id  integer PRIMARY KEY REFERENCES principal,
    uid           integer NOT NULL CONSTRAINT unix_account_uid_not_root CHECK (uid > 0),
    gid           integer NOT NULL CONSTRAINT unix_account_gid_not_root CHECK (gid > 0),
    shared        boolean NOT NULL DEFAULT false   -- others who say so, too, may have the uid
);

-- Two labs with one uid could reach each other's files on a host, so both must want it.
CREATE FUNCTION check_unix_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7021004, NEW.uid);
    IF EXISTS (SELECT FROM unix_account AS other WHERE other.uid = NEW.uid
            AND other.principal_id <> NEW.principal_id AND NOT (other.shared AND NEW.shared)) THEN
        PERFORM refuse('unix_account_uid_of_one', format('uid %s is another''s', NEW.uid));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER unix_account_uid_of_one AFTER INSERT OR UPDATE ON unix_account
    FOR EACH ROW EXECUTE FUNCTION check_unix_account();


-- ---------------------------------------------------------------------------------------------
-- What brokers are told of changed rights
-- ---------------------------------------------------------------------------------------------

-- One row: how many changes of rights were committed. Whoever has seen an epoch has seen them all.
CREATE TABLE access_epoch (
    singleton  boolean PRIMARY KEY DEFAULT true
        CONSTRAINT access_epoch_is_one_row CHECK (singleton),
    epoch      bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO access_epoch (epoch) VALUES (0);

-- What changed: nodes, access lists (by node), accounts, members (by account), bindings (by
-- project). Readers take the present state of what is named, so order within an epoch is nothing.
CREATE TYPE access_change_kind AS ENUM ('node', 'acl', 'account', 'member', 'binding');

CREATE TABLE access_change (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epoch  bigint,               -- given when the transaction commits
    kind   access_change_kind NOT NULL,
    ids    integer[] NOT NULL,
    at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX access_change_epoch ON access_change (epoch);         -- storage.access.changes
CREATE INDEX access_change_at ON access_change USING brin (at);    -- the janitor

-- The epoch is counted at the very end of a transaction: so epochs are visible in their order,
-- and nobody who holds the row's lock waits for anything else.
CREATE FUNCTION count_access_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now_epoch  bigint;
BEGIN
    UPDATE access_epoch SET epoch = epoch + 1 RETURNING epoch INTO now_epoch;
    UPDATE access_change SET epoch = now_epoch WHERE id = NEW.id;
    PERFORM pg_notify('fairlead_access', now_epoch::text);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER access_change_is_counted AFTER INSERT ON access_change
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_access_change();

-- Arguments: kind of change, column of the id. Files are too many to be kept in memory: their
-- rows say what governs them.
CREATE FUNCTION note_access_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'INSERT INTO access_change (kind, ids)
         SELECT %L, array_agg(DISTINCT %I) FROM changed %s HAVING count(*) > 0',
        TG_ARGV[0], TG_ARGV[1],
        CASE WHEN TG_TABLE_NAME = 'node' THEN $w$ WHERE kind <> 'file' $w$ END);
    RETURN NULL;
END $$;

-- A trigger for each table and event: a transition table belongs to one event only.
DO $$
DECLARE
    watched  record;
    event    text;
BEGIN
    FOR watched IN SELECT * FROM (VALUES
        ('node', 'node', 'id'), ('project', 'node', 'id'), ('pool', 'node', 'id'),
        ('data_root', 'node', 'id'), ('acl', 'acl', 'node_id'), ('account', 'account', 'id'),
        ('user_submit', 'account', 'account_id'), ('team_member', 'member', 'account_id'),
        ('binding', 'binding', 'project_id')) AS w (of_table, kind, id_column)
    LOOP
        FOREACH event IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE'] LOOP
            EXECUTE format(
                'CREATE TRIGGER %I AFTER %s ON %I REFERENCING %s TABLE AS changed
                 FOR EACH STATEMENT EXECUTE FUNCTION note_access_change(%L, %L)',
                watched.of_table || '_' || lower(event) || '_is_noted', event, watched.of_table,
                CASE event WHEN 'DELETE' THEN 'OLD' ELSE 'NEW' END,
                watched.kind, watched.id_column);
        END LOOP;
    END LOOP;
END $$;
