"""The list of everything that a client can do; each line names the function that does it."""

from broker.client import accounts as _accounts
from broker.client import apps as _apps
from broker.client import audit as _audit
from broker.client import batches as _batches
from broker.client import data_roots as _data_roots
from broker.client import files as _files
from broker.client import hosts as _hosts
from broker.client import images as _images
from broker.client import jobs as _jobs
from broker.client import nodes as _nodes
from broker.client import opening as _opening
from broker.client import openings as _openings
from broker.client import pools as _pools
from broker.client import projects as _projects
from broker.client import quotas as _quotas
from broker.client import sharing as _sharing
from broker.client import submissions as _submissions
from broker.client import tables as _tables
from broker.client import teams as _teams
from broker.client import tokens as _tokens
from broker.client import unix_accounts as _unix_accounts
from broker.client import watching as _watching
from broker.client.faces import Call, Stream
from broker.client.handles import Opens


class Calls:
    """What a client can do, the same in both faces."""

    # submit and follow
    submit = Opens(_opening.submit)
    submit_table = Opens(_opening.submit_table)
    rerun = Opens(_opening.rerun)
    open_batch = Opens(_opening.open_batch)
    submit_batch = Call(_submissions.submit)
    dry_run = Call(_submissions.dry_run)
    upload = Call(_files.upload)
    batches = Stream(_batches.list_batches)
    batch = Call(_batches.get_batch)
    watch = Stream(_watching.watch_batch)
    cancel_batch = Call(_batches.cancel_batch)
    unshare_batch = Call(_batches.unshare_batch)
    events = Stream(_watching.read_events)

    # jobs
    jobs = Stream(_jobs.list_jobs)
    job = Call(_jobs.get_job)
    cancel_job = Call(_jobs.cancel_job)
    wait_for_job = Call(_watching.wait_for_job)
    explain = Call(_jobs.explain)
    logs = Stream(_jobs.read_logs)
    outputs = Stream(_jobs.list_outputs)
    download = Call(_jobs.download_outputs)

    # apps
    apps = Stream(_apps.list_apps)
    app = Call(_apps.get_app)
    create_app = Call(_apps.create_app)
    change_app = Call(_apps.change_app)
    delete_app = Call(_apps.delete_app)
    app_edits = Stream(_apps.list_app_edits)
    deprecate_app = Call(_apps.deprecate_app)
    versions = Stream(_apps.list_versions)
    version = Call(_apps.get_version)
    create_version = Call(_apps.create_version)
    change_draft = Call(_apps.change_draft)
    publish_version = Call(_apps.publish_version)
    deprecate_version = Call(_apps.deprecate_version)
    app_privileges = Stream(_apps.list_app_privileges)
    set_app_privileges = Call(_apps.set_app_privileges)
    revoke_app_privileges = Call(_apps.revoke_app_privileges)

    # tables
    tables = Stream(_tables.list_tables)
    table = Call(_tables.get_table)
    create_table = Call(_tables.create_table)
    change_table = Call(_tables.change_table)
    delete_table = Call(_tables.delete_table)
    rows = Stream(_tables.list_rows)
    append_rows = Call(_tables.append_rows)
    import_rows = Call(_tables.import_rows)
    export_rows = Call(_tables.export_rows)
    delete_rows = Call(_tables.delete_rows)

    # projects and what lies in them
    projects = Stream(_projects.list_projects)
    project = Call(_projects.get_project)
    create_project = Call(_projects.create_project)
    change_project = Call(_projects.change_project)
    node = Call(_nodes.get_node)
    children = Stream(_nodes.list_children)
    create_folder = Call(_nodes.create_folder)
    rename_node = Call(_nodes.rename_node)
    move_node = Call(_nodes.move_node)
    trash_node = Call(_nodes.trash_node)
    untrash_node = Call(_nodes.untrash_node)
    purge_node = Call(_nodes.purge_node)
    trash = Stream(_nodes.list_trash)
    put_file = Call(_nodes.put_file)
    download_file = Call(_nodes.download_file)

    # who may do what
    access_list = Call(_sharing.get_access_list)
    set_access_list = Call(_sharing.set_access_list)
    share_node = Call(_sharing.share_node)
    unshare_node = Call(_sharing.unshare_node)
    override_node = Call(_sharing.override_node)
    restore_node = Call(_sharing.restore_node)
    who_can = Stream(_sharing.who_can)
    explain_access = Call(_sharing.explain_access)
    audit_benefactors = Stream(_sharing.audit_benefactors)

    # accounts
    me = Call(_accounts.me)
    accounts = Stream(_accounts.list_accounts)
    account = Call(_accounts.get_account)
    create_account = Call(_accounts.create_account)
    suspend_account = Call(_accounts.suspend_account)
    resume_account = Call(_accounts.resume_account)
    preview_departure = Call(_accounts.preview_departure)
    delete_account = Call(_accounts.delete_account)
    tokens = Stream(_tokens.list_tokens)
    create_token = Call(_tokens.create_token)
    rotate_token = Call(_tokens.rotate_token)
    revoke_token = Call(_tokens.revoke_token)
    privileges = Call(_accounts.get_privileges)
    set_privileges = Call(_accounts.set_privileges)

    # quotas and groups
    quota = Call(_quotas.get_quota)
    set_quota = Call(_quotas.set_quota)
    preview_quotas = Call(_quotas.preview_quotas)
    quota_mix = Call(_quotas.get_quota_mix)
    set_quota_mix = Call(_quotas.set_quota_mix)
    donations = Call(_quotas.get_donations)
    donate = Call(_quotas.donate)
    contribute = Call(_quotas.contribute)
    groups = Stream(_quotas.list_groups)
    group = Call(_quotas.get_group)
    create_group = Call(_quotas.create_group)
    change_group = Call(_quotas.change_group)
    delete_group = Call(_quotas.delete_group)
    group_members = Stream(_quotas.list_members)
    join_group = Call(_quotas.join_group)
    leave_group = Call(_quotas.leave_group)

    # teams
    teams = Stream(_teams.list_teams)
    team = Call(_teams.get_team)
    create_team = Call(_teams.create_team)
    change_team = Call(_teams.change_team)
    delete_team = Call(_teams.delete_team)
    team_members = Stream(_teams.list_members)
    add_team_member = Call(_teams.add_member)
    remove_team_member = Call(_teams.remove_member)

    # execution accounts
    unix = Call(_unix_accounts.get_unix)
    set_unix = Call(_unix_accounts.set_unix)
    remove_unix = Call(_unix_accounts.remove_unix)

    # audit log and break-glass
    break_glass = Call(_openings.break_glass)
    openings = Stream(_openings.list_openings)
    audit_log = Stream(_audit.read_audit_log)
    verify_audit_log = Call(_audit.verify_audit_log)

    # data, pools and images
    data_roots = Stream(_data_roots.list_data_roots)
    data_root = Call(_data_roots.get_data_root)
    create_data_root = Call(_data_roots.create_data_root)
    change_data_root = Call(_data_roots.change_data_root)
    check_data_root = Call(_data_roots.check_data_root)
    delete_data_root = Call(_data_roots.delete_data_root)
    bindings = Stream(_data_roots.list_bindings)
    bind = Call(_data_roots.bind)
    unbind = Call(_data_roots.unbind)
    import_data = Call(_data_roots.import_data)
    imports = Stream(_data_roots.list_imports)
    forget_import = Call(_data_roots.forget_import)
    switch_project_import = Call(_data_roots.switch_project_import)
    switch_account_import = Call(_data_roots.switch_account_import)
    pools = Stream(_pools.list_pools)
    pool = Call(_pools.get_pool)
    create_pool = Call(_pools.create_pool)
    change_pool = Call(_pools.change_pool)
    delete_pool = Call(_pools.delete_pool)
    preemptions = Call(_pools.list_preemptions)
    allow_preemption = Call(_pools.allow_preemption)
    forbid_preemption = Call(_pools.forbid_preemption)
    images = Stream(_images.list_images)
    image = Call(_images.get_image)
    create_image = Call(_images.create_image)
    change_image = Call(_images.change_image)
    delete_image = Call(_images.delete_image)

    # hosts and shares
    shares = Call(_hosts.get_shares)
    hosts = Stream(_hosts.list_hosts)
    host = Call(_hosts.get_host)
    drain_host = Call(_hosts.drain_host)
    resume_host = Call(_hosts.resume_host)
    ban_host = Call(_hosts.ban_host)
    enroll = Call(_hosts.enroll)
