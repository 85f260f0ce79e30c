"""Ansible keywords, modules and variables that playbooks do not support, each with its replacement."""

from __future__ import annotations

from collections.abc import Collection, Mapping

LOCAL = "remove it: every task runs on this machine, as the current user"
NO_ABORT = "remove it: the first failure without a rescue ends the play"
NO_FACTS = "remove it: no facts are gathered"
PARALLEL = "write 'parallel' on a block to run its tasks in parallel, and 'timeout' to limit a task"
LOOP = "write: loop: [a, b]; in a loop over a mapping use item.key and item.value"
VARIABLES_FILE = "write -e @file on the command line, or 'vars' in the config"
TASKS_FILE = "move the tasks to a file of their own: import_tasks: file.yml"
PLAYBOOK_FILE = "run it as a playbook of its own, or move its tasks to a file: import_tasks: file.yml"
ENVIRONMENT = "write 'env' as a parameter of command"
ANCHOR = "use a YAML anchor (&name, <<: *name)"
ALL_STEPS = "`inv steps` lists all steps"
PROGRAM = "write: command: [program, argument]"

PLAY_KEYWORDS: Mapping[str, str] = {
    **dict.fromkeys(("hosts", "connection", "remote_user", "become", "become_user", "become_method"), LOCAL),
    **dict.fromkeys(("strategy", "serial", "ignore_unreachable"), LOCAL),
    "any_errors_fatal": NO_ABORT,
    "max_fail_percentage": NO_ABORT,
    "gather_facts": f"{NO_FACTS}; values come from vars, the config, -e and register",
    "gather_subset": NO_FACTS,
    "vars_files": VARIABLES_FILE,
    "vars_prompt": "write -e name=value on the command line",
    "environment": ENVIRONMENT,
    "roles": TASKS_FILE,
    "pre_tasks": "write them first under 'tasks'",
    "post_tasks": "write them last under 'tasks'",
    "module_defaults": ANCHOR,
    "import_playbook": PLAYBOOK_FILE,
    "collections": f"remove it: {ALL_STEPS}",
}
TASK_KEYWORDS: Mapping[str, str] = {
    **dict.fromkeys(("become", "become_user", "become_method", "become_flags", "connection", "remote_user"), LOCAL),
    **dict.fromkeys(("delegate_to", "delegate_facts", "run_once", "local_action", "port"), LOCAL),
    **dict.fromkeys(("with_items", "with_list", "with_dict", "with_fileglob", "with_sequence", "with_nested"), LOOP),
    "throttle": "write 'parallel' on the loop or the block: the number that runs at a time",
    "async": PARALLEL,
    "poll": PARALLEL,
    "environment": ENVIRONMENT,
    "check_mode": "run the whole playbook with --check",
    "diff": "run the playbook with --diff",
    "no_log": "remove it: keys and secrets are masked everywhere",
    "args": "write the parameters under the step's own keyword",
    "action": "write the step's own keyword: debug: { msg: hello }",
    "listen": "write the handler's name in 'notify'; it accepts a list",
    "module_defaults": ANCHOR,
    "any_errors_fatal": NO_ABORT,
    "ignore_unreachable": "write ignore_errors: true",
    "debugger": "run the playbook with --check, or with --step",
    "collections": f"remove it: {ALL_STEPS}",
    "vars_files": VARIABLES_FILE,
    "first_available_file": LOOP,
}
STEPS: Mapping[str, str] = {
    "shell": "write: command: { shell: … }",
    "raw": "write: command: { shell: … }",
    "script": "write: command: [path/to/script]",
    "include_tasks": "write: import_tasks: file.yml, with 'when' or 'vars' beside it; it is read before the run starts",
    "include_vars": VARIABLES_FILE,
    "include_role": TASKS_FILE,
    "import_role": TASKS_FILE,
    "import_playbook": PLAYBOOK_FILE,
    "setup": NO_FACTS,
    "gather_facts": NO_FACTS,
    "ping": "remove it: every task runs on this machine",
    "meta": "write: flush_handlers:",
    "get_url": "write: command: [curl, --fail, --location, --output, file, address]",
    "pause": "wait for a condition instead: wait_for: { port: … } or wait_for: { path: … }",
    "stat": "write: command: { argv: […], creates: path }, or wait_for: { path: … }",
    **dict.fromkeys(("copy", "file", "template", "lineinfile", "unarchive"), PROGRAM),
    **dict.fromkeys(("service", "systemd"), "write: start: { service: … } or stop: { service: … }"),
    **dict.fromkeys(("apt", "dnf", "yum", "pip", "package", "git", "user"), PROGRAM),
}
VARIABLES: Mapping[str, str] = {
    "ansible_failed_task": "write: failed.task",
    "ansible_failed_result": "write: failed.result",
    "ansible_check_mode": "remove it: steps support check mode themselves",
    "ansible_loop": "write loop_control: { index_var: i } and use i",
    "ansible_facts": "no facts are gathered; register the output of a command",
    **dict.fromkeys(("inventory_hostname", "hostvars", "groups"), "every task runs on this machine"),
    "omit": "remove the parameter, or give it a default",
    "lookup": "register the output of a command, or use vars",
    "playbook_dir": "paths of imported files are relative to the importing file",
}
COLLECTIONS = ("ansible.builtin.", "ansible.legacy.", "community.")


def step_fix(word: str, known: Collection[str]) -> str:
    """Find the replacement of an Ansible module.

    Args:
        word: The word of a step, as written.
        known: Words of the steps that exist.

    Returns:
        What to write instead; empty when the word is not an Ansible module.
    """
    for prefix in COLLECTIONS:
        if word.startswith(prefix):
            name = word.rpartition(".")[2]
            return f"write: {name}" if name in known else STEPS.get(name, ALL_STEPS)
    return STEPS.get(word, "")
