"""Words of Ansible's language that are not ours, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping

HERE = "leave it out: every task runs on this machine, as you"
BESIDE = (
    "write 'parallel' on a block: its tasks run side by side; 'timeout' limits a task; services run on by themselves"
)
LOOP = "write: loop: [a, b], or loop over a mapping and use item.key and item.value"

PLAY_WORDS: Mapping[str, str] = {
    "hosts": HERE,
    "connection": HERE,
    "remote_user": HERE,
    "become": HERE,
    "become_user": HERE,
    "become_method": HERE,
    "strategy": HERE,
    "serial": HERE,
    "any_errors_fatal": "leave it out: the first failure that nothing rescues ends the play",
    "max_fail_percentage": "leave it out: the first failure that nothing rescues ends the play",
    "ignore_unreachable": HERE,
    "gather_facts": "leave it out: nothing is gathered; values come from vars, the config, -e, or a step's register",
    "gather_subset": "leave it out: nothing is gathered",
    "vars_files": "write -e @file on the command line, or 'vars' in the config",
    "vars_prompt": "write -e name=value on the command line",
    "environment": "write 'env' among the parameters of command",
    "roles": "put the tasks into a file of their own: import_tasks: file.yml",
    "pre_tasks": "write them first under 'tasks'",
    "post_tasks": "write them last under 'tasks'",
    "module_defaults": "use a YAML anchor (&name, <<: *name)",
    "import_playbook": "run it by a name of its own, or move its tasks to a file: import_tasks: file.yml",
    "collections": "leave it out: `inv steps` lists every step there is",
}
TASK_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("become", "become_user", "become_method", "become_flags", "connection", "remote_user"), HERE),
    **dict.fromkeys(("delegate_to", "delegate_facts", "run_once", "local_action", "port"), HERE),
    **dict.fromkeys(("with_items", "with_list", "with_dict", "with_fileglob", "with_sequence", "with_nested"), LOOP),
    "throttle": "write 'parallel' on the loop or the block: so many at a time",
    "async": BESIDE,
    "poll": BESIDE,
    "environment": "write 'env' among the parameters of command",
    "check_mode": "run the whole playbook with --check; a step looks before it acts",
    "diff": "run the playbook with --diff",
    "no_log": "leave it out: keys and secrets are masked everywhere",
    "args": "write the parameters under the step's own word",
    "action": "write the step's own word: debug: { msg: hello }",
    "listen": "write the handler's name in 'notify'; it takes a list",
    "module_defaults": "use a YAML anchor (&name, <<: *name)",
    "any_errors_fatal": "leave it out: the first failure that nothing rescues ends the play",
    "ignore_unreachable": "write ignore_errors: true",
    "debugger": "run the playbook with --check, or with --step",
    "collections": "leave it out: `inv steps` lists every step there is",
    "vars_files": "write -e @file on the command line, or 'vars' in the config",
    "first_available_file": LOOP,
}
STEPS: Mapping[str, str] = {
    "shell": "write: command: { shell: … }",
    "raw": "write: command: { shell: … }",
    "script": "write: command: [path/to/script]",
    "include_tasks": "write: import_tasks: file.yml, with 'when' or 'vars' beside it; it is read before anything runs",
    "include_vars": "write -e @file on the command line, or 'vars' in the config",
    "include_role": "put the tasks into a file of their own: import_tasks: file.yml",
    "import_role": "put the tasks into a file of their own: import_tasks: file.yml",
    "import_playbook": "run it by a name of its own, or move its tasks to a file: import_tasks: file.yml",
    "setup": "leave it out: nothing is gathered",
    "gather_facts": "leave it out: nothing is gathered",
    "ping": "leave it out: every task runs on this machine",
    "meta": "write: flush_handlers:",
    "get_url": "write: command: [curl, --fail, --location, --output, file, address]",
    "pause": "write: wait_for: { port: … } or { path: … }, to wait for a fact instead of a while",
    "stat": "write: command: { argv: […], creates: path }, or wait_for: { path: … }",
    **dict.fromkeys(("copy", "file", "template", "lineinfile", "unarchive"), "write: command: [program, word]"),
    **dict.fromkeys(("service", "systemd"), "write: start: { service: … } or stop: { service: … }"),
    **dict.fromkeys(("apt", "dnf", "yum", "pip", "package", "git", "user"), "write: command: [program, word]"),
}
VARIABLES: Mapping[str, str] = {
    "ansible_failed_task": "write: failed.task",
    "ansible_failed_result": "write: failed.result",
    "ansible_check_mode": "a step looks before it acts, so no task needs to know",
    "ansible_loop": "write loop_control: { index_var: i } and use i",
    "ansible_facts": "nothing is gathered; register what a command says",
    "inventory_hostname": "every task runs on this machine",
    "hostvars": "every task runs on this machine",
    "groups": "every task runs on this machine",
    "omit": "leave the parameter out, or give it a default",
    "lookup": "register what a command says, or use vars",
    "playbook_dir": "paths of imported files are taken from the file's own folder",
}
COLLECTIONS = ("ansible.builtin.", "ansible.legacy.", "community.")


def step_hint(word: str, known: Mapping[str, object] | frozenset[str]) -> str:
    """Say what to write for a step of Ansible's; empty for any other word.

    Args:
        known: The words of our own steps.
    """
    for prefix in COLLECTIONS:
        if word.startswith(prefix):
            own = word.rpartition(".")[2]
            return f"write: {own}" if own in known else STEPS.get(own, "`inv steps` lists every step there is")
    return STEPS.get(word, "")
