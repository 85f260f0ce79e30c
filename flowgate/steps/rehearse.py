"""Play what can go wrong over a private copy of a profile, and compare what happens with what it promises."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, replace

from flowgate.config.overlay import overlay
from flowgate.domain import Secret
from flowgate.errors import CheckFailed, UnknownName, UsageError, raise_all
from flowgate.gateway import build, preflight
from flowgate.gateway.policy import CLIPROXY, Policy
from flowgate.gateway.promises import Promises
from flowgate.rehearsal import config as private_config
from flowgate.rehearsal import roles
from flowgate.rehearsal.config import Script
from flowgate.rehearsal.private_stack import Stage
from flowgate.rehearsal.runner import Played, Player, Times
from flowgate.rehearsal.scenarios import SCENARIOS, Scenario
from flowgate.rehearsal.verdicts import BROKEN, TIMED, Judge, Row
from flowgate.step import Change, Facts, Result, StepContext, change
from flowgate.system import tempdirs

AT_ONCE = 6  # scenarios played at a time: they mostly wait
LONGEST_PATIENCE = 25.0
SLOW = ("timeout", "stream")
SHORT_SECONDS = 6.0


def rehearse(
    context: StepContext,
    profile: str | None = None,
    every: bool = False,
    scenario: str = "",
    litellm_only: bool = False,
    long: bool = False,
    as_written: bool = False,
) -> Result | Change:
    """Play what can go wrong over a private copy of a profile, and compare what happens with what it promises.

    Args:
        context: Tools and state of this run.
        profile: A profile of the config; the settled one when absent.
        every: All profiles of the config, one after another.
        scenario: One of them by name, or several separated by commas; all when empty.
        litellm_only: Leave CLIProxyAPIPlus out: LiteLLM asks the vendors itself.
        long: Also what has to wait for CLIProxyAPIPlus' own minute of benching.
        as_written: LiteLLM with the profile as it is written, without what FlowGate makes of it.

    Returns:
        Profiles (list of profile, scale, rows, scenarios), broken (count of promises).

    Raises:
        CheckFailed: A promise that is broken, with what was seen.
        UnknownName: See the message.
    """
    wanted = [word.strip() for word in scenario.split(",") if word.strip()]
    for word in wanted:
        if word not in SCENARIOS:
            raise UnknownName("scenario", word, known=SCENARIOS)
    names = list(context.config.profiles) if every else [profile or context.run_state.profile.value]
    chosen = [one for name, one in SCENARIOS.items() if not wanted or name in wanted]
    scripts = [script(context, name, litellm_only, as_written) for name in names]

    def apply(r: StepContext) -> Facts:
        found = [rehearsed(r, one, chosen, long) for one in scripts]
        broken = [(one["profile"], row) for one in found for row in one["rows"] if row["verdict"] == BROKEN]
        facts: Facts = {"profiles": found, "broken": len(broken)}
        if broken:
            raise CheckFailed(sentence(broken), facts=facts)
        kept = sum(len(one["rows"]) for one in found)
        return facts | {"message": f"{', '.join(names)}: {kept} promises, none broken"}

    what = f"scenario {', '.join(wanted)}" if wanted else f"{len(chosen)} scenarios"
    return change(f"rehearse {', '.join(names)}: {what}", apply, changes=False, unpredicted="it has to be seen")


def sentence(broken: list[tuple[str, Facts]]) -> str:
    """Say which promise is broken; of several, how many more."""
    name, row = broken[0]
    first = (
        f"{name} breaks a promise in '{row['scenario']}': {row['promise']}: {row['promised']}, seen {row['observed']}"
    )
    return first + (f"; {len(broken) - 1} more are broken" if len(broken) > 1 else "")


def script(context: StepContext, profile: str, alone: bool, as_written: bool) -> Script:
    """Put a profile's rehearsal on paper.

    Raises:
        UnknownName: A profile that the config does not have.
        UsageError: One that could not be rendered, or has no model that could be asked.
    """
    config, build_inputs = context.config, context.build_inputs()
    if alone:
        build_inputs = replace(build_inputs, accounts={}, upstream_text=None)
    policy = build.compile_policy(config, profile, build_inputs)
    raise_all(f"profile {profile}", preflight.faults(config, profile, policy))
    tree = overlay(config.litellm_base, config.profiles[profile]) if as_written else policy.litellm
    played = roles.cast(tree)
    if not played.asked:
        raise UsageError(
            f"profile {profile} has no model that can be asked by its name", place=config.place("litellm_base")
        )
    return Script(
        config=config,
        profile=profile,
        tree=tree,
        policy=policy,
        cast=played,
        scale=roles.factor(policy.promises, policy.cooldowns_by != CLIPROXY),
        key=Secret(f"sk-{secrets.token_hex(24)}"),
        alone=alone,
        own=private_config.own_settings(config, build_inputs.upstream_text),
        south={} if as_written else policy.cliproxy,
    )


def rehearsed(
    context: StepContext,
    script: Script,
    chosen: list[Scenario],
    long: bool = False,
    front: Callable[[str], str] | None = None,
) -> Facts:
    """Rehearse one profile.

    Args:
        front: Gives the address by which the vendors are asked, of the one that they have: somebody may count in
            between.
    """
    began = context.clock.now()
    playable = [one for one in chosen if long or not waits_south(script, one)]
    with tempdirs.folder("flowgate-rehearsal-") as folder:
        stage = Stage(context, script, folder, front)
        try:
            stage.open(playable)
            played = _play_all(context, stage, playable)
            scenes = {name: _judged(script, SCENARIOS[name], one) for name, one in played.items()}
            for name in [name for name, scene in scenes.items() if _is_only_late(scene)]:
                context.set_activity(f"{script.profile}: '{name}' once more, alone: the machine may have been busy")
                again = _judged(script, SCENARIOS[name], _play(context, stage, SCENARIOS[name]))
                scenes[name] = again | {"played": 2}
        finally:
            stage.close()
    ordered = [scenes[one.name] for one in playable]
    return {
        "profile": script.profile,
        "seconds": round(context.clock.now() - began, 1),
        "scale": script.scale,
        "asked": script.cast.asked,
        "roles": dict(script.cast.roles),
        "litellm_only": script.alone,
        "south": "the embedded upstream" if stage.plays_south else "CLIProxyAPIPlus",
        "left_out": {one.name: "needs CLIProxyAPIPlus' own minute: --long" for one in chosen if one not in playable},
        "settings_left_out": private_config.left_out(script.tree),
        "rows": [row for scene in ordered for row in scene["rows"]],
        "scenarios": ordered,
    }


def waits_south(script: Script, scenario: Scenario) -> bool:
    """Say whether a scenario has to wait for CLIProxyAPIPlus' own minute, which does not scale."""
    return scenario.recovers and not script.alone and script.policy.cooldowns_by == CLIPROXY


def _here(script: Script) -> Promises:
    """Give the promises as they are to be judged here: a minute of CLIProxyAPIPlus is no shorter than ever."""
    found = script.policy.promises
    if script.policy.cooldowns_by != CLIPROXY:
        return found
    return replace(found, cooldown_seconds=found.cooldown_seconds / script.scale)


def _south_attempts(policy: Policy, alone: bool) -> int:
    return 1 if alone else policy.budget.south * policy.budget.accounts


def _play_all(context: StepContext, stage: Stage, scenarios: list[Scenario]) -> dict[str, Played]:
    """Play scenarios, several at a time, those that wait longest first."""
    ahead = sorted(scenarios, key=lambda one: one.kind not in SLOW and not one.recovers)
    script = stage.script
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(_play, context, stage, one): one for one in ahead}
        try:
            return _collected(context, script, running)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stage.close()  # cuts what the others still wait for
            raise


def _collected(context: StepContext, script: Script, running: Mapping[Future[Played], Scenario]) -> dict[str, Played]:
    found: dict[str, Played] = {}
    left = set(running)
    while left:
        ahead = sorted(running[one].name for one in left)
        context.set_activity(
            f"{script.profile}: {len(found)} of {len(running)} scenarios played; left: {', '.join(ahead)}"
        )
        done, left = wait(left, return_when=FIRST_COMPLETED)
        found |= {running[one].name: one.result() for one in done}
    return found


def _play(context: StepContext, stage: Stage, scenario: Scenario) -> Played:
    script, promises = stage.script, stage.script.policy.promises
    quiet = promises.waits.quiet + promises.stream_timeout + promises.request_timeout
    patience = min(LONGEST_PATIENCE, quiet * script.scale + 5.0)
    bench = promises.cooldown_seconds * (1.0 if script.policy.cooldowns_by == CLIPROXY else script.scale)
    with stage.scene(scenario) as scene:
        times = Times(patience, bench, script.scale)
        return Player(context, scene, script.cast.asked, times, least=1 + (promises.cooldown_after or 1)).play()


def _judged(script: Script, scenario: Scenario, played: Played) -> Facts:
    by_south = script.policy.cooldowns_by == CLIPROXY
    judge = Judge(_here(script), script.cast.secondary, _south_attempts(script.policy, script.alone), by_south)
    return _scene(scenario, played, judge(scenario, played.observed))


def _is_only_late(scene: Facts) -> bool:
    """Say whether nothing but a time is broken, in a scenario that is short enough to be played again."""
    broken = {row["promise"] for row in scene["rows"] if row["verdict"] == BROKEN}
    last = scene["asked"][-1]
    return bool(broken) and broken <= set(TIMED) and last["at"] + last["seconds"] < SHORT_SECONDS


def _scene(scenario: Scenario, played: Played, rows: list[Row]) -> Facts:
    seen = played.observed
    return {
        "scenario": scenario.name,
        "says": scenario.says,
        "played": 1,
        "healthy": round(seen.healthy, 4),
        "over": None if seen.over is None else round(seen.over, 3),
        "asked": [
            {**asdict(one), "at": round(one.at, 3), "seconds": round(one.seconds, 3), "message": message}
            for one, message in zip(seen.asked, played.message, strict=True)
        ],
        "attempts": [{"at": round(at, 3), "role": role, "failed": failed} for at, role, failed in played.attempts],
        "rows": [asdict(row) for row in rows],
    }
