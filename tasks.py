"""FlowGate's tasks: the table of contents. `inv --list` shows them, `inv --help TASK` explains one.

A task is a few lines in `flowgate/cli/tasks/`; what it does is in `flowgate/cli/`, which it imports when it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from invoke.collection import Collection

from flowgate.cli.tasks import (
    accounts,
    clients,
    exports,
    installation,
    main_job,
    playbooks,
    profiles,
    programs,
    services,
    state,
    traffic,
)

TOP: tuple[Any, ...] = (
    *(main_job.smoke, main_job.up, main_job.run, main_job.down),
    *(playbooks.play, playbooks.steps, playbooks.rehearse),
    *(state.status, state.stacks, state.health, state.events, state.top, state.dashboard, state.mcp),
    *(traffic.ask, traffic.explain, traffic.usage, traffic.audit, traffic.budgets, traffic.quota, traffic.cooldowns),
    *(installation.init, installation.doctor, installation.completion),
    *(installation.backup, installation.restore, installation.uninstall),
)
GROUPS: dict[str, tuple[Any, ...]] = {
    "bootstrap": (programs.bootstrap_sources, programs.bootstrap_download, programs.bootstrap_rollback),
    "litellm": (programs.litellm_list, programs.litellm_upgrade, programs.litellm_rollback),
    "service": (
        *(services.start, services.stop, services.restart, services.reload, services.recover, services.logs),
        *(services.service_install, services.service_uninstall),
    ),
    "profile": (profiles.profile_list, profiles.profile_set, profiles.profile_show, profiles.profile_diff),
    "auth": (accounts.auth_list, accounts.auth_status, accounts.login, accounts.import_headless),
    "key": (state.key_path,),
    "client": (
        *(clients.client_list, clients.client_add, clients.client_remove, clients.client_rotate),
        *(clients.client_run, clients.client_test),
    ),
    "security": (installation.security_check, installation.security_hook),
    "export": (exports.export_kubernetes, exports.export_compose, exports.export_systemd, exports.export_ansible),
    "fleet": (state.fleet_status,),
}


def _development() -> Iterator[Any]:
    """Yield the tasks of FlowGate's own development, which need a checkout."""
    if Path(__file__).with_name("dev").is_dir():
        from dev.invoke_tasks import TASKS

        yield from TASKS


ns = Collection()
for one in (*TOP, *_development()):
    ns.add_task(one)
for group, members in GROUPS.items():
    collection = Collection(group)
    for one in members:
        collection.add_task(one)
    ns.add_collection(collection)

if "invoke.main" in sys.modules:  # stock invoke is loading this file
    from flowgate.cli.stock_invoke import take_over

    take_over(sys.modules["invoke.main"].program)
