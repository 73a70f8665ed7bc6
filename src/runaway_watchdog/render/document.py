"""A case file as the document of `explain --json`, and back. The contract fixes every name in it.

Times are ISO 8601 in UTC. Secrets are masked and unprintable characters replaced, since a document is stored,
printed and handed on; what a process chose to call itself is otherwise kept as it is.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from runaway_watchdog.hostile import printable
from runaway_watchdog.masking import mask_argv, mask_text, mask_variable
from runaway_watchdog.model.casefile import (
    SCHEMA_VERSION,
    CaseFile,
    Cause,
    Change,
    History,
    LastEnd,
    LeftBehind,
    SeenDeath,
    Sign,
)
from runaway_watchdog.model.doing import BusyThread, Doing
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.model.events import Ending
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.owner import Outlook, Owner, reasons
from runaway_watchdog.model.plan import Advice, ByEye, Dangerous, Plan, Step
from runaway_watchdog.model.process import CpuShare, Process
from runaway_watchdog.render.check import sentence

Document = dict[str, Any]

LAST_RESORT: Final = "last-resort"
"""`phase` of a step that is only for whoever asks for it."""


def to_json(case: CaseFile) -> Document:
    """The document, of JSON's types alone."""
    return {
        "schema_version": SCHEMA_VERSION,
        "host": _text(case.host),
        "asked_pid": case.asked_pid or None,
        "hot_since": _time(case.since),
        "process": {**process_to_json(case.process, case.cpu), **_doing(case.doing)},
        "owners": [owner_to_json(owner) for owner in case.owners],
        "prognosis": [_fate(outlook) for outlook in case.prognosis],
        "history": _history(case.history),
        "plan": {
            "goal": _text(case.plan.goal),
            "steps": [_step(step) for step in case.plan.steps],
            "never": [_never(never) for never in case.plan.dangerous],
            "still": [_text(each) for each in case.plan.remaining_triggers],
            "afterwards": [_advice(each) for each in case.plan.hardening],
        },
        "condition": [_text(each) for each in case.condition],
        "signs": [
            {"kind": each.kind, "told": _text(each.told), "evidence": _text(each.evidence)} for each in case.signs
        ],
        "cause": None if case.cause is None else _cause(case.cause),
        "left_behind": None if case.left_behind is None else _left_behind(case.left_behind),
        **_changed(case.changed),
        **({} if case.last_end is None else {"last_end": _last_end(case.last_end)}),
        "gaps": [
            {"source": _text(gap.source), "problem": _text(gap.problem), "mend": _text(gap.fix)} for gap in case.gaps
        ],
    }


def _last_end(ended: LastEnd) -> Document:
    return {**ended._asdict(), "log": [_text(each) for each in ended.log]}


def _cause(cause: Cause) -> Document:
    evidence = [_text(each) for each in cause.evidence]
    unit = None if cause.unit is None else _text(cause.unit)
    return {"name": _text(cause.name), "pid": cause.pid, "told": _text(cause.told), "evidence": evidence, "unit": unit}


def _doing(doing: Doing | None) -> Document:
    """Absent where it could not be looked at."""
    if doing is None:
        return {}
    threads = [{**each._asdict(), "name": _text(each.name)} for each in doing.threads]
    return {"doing": {**doing._asdict(), "told": _text(doing.told), "threads": threads}}


def _changed(changes: Sequence[Change]) -> Document:
    """Absent where there was nothing, or nobody looked."""
    told = [
        {"kind": each.kind, "at": _time(each.at), "told": _text(each.told), "evidence": _text(each.evidence)}
        for each in changes
    ]
    return {"changed": told} if told else {}


def _left_behind(found: LeftBehind) -> Document:
    return {"why": _text(found.why), "pids": list(found.pids), "cpu_percent": found.cpu_percent}


def process_to_json(process: Process, cpu: CpuShare | None) -> Document:
    """`process` of the document, as `incidents --json` has it too."""
    return {
        "pid": process.pid or None,
        "started_at": _time(process.started_at),
        "alive": process.alive,
        "name": _text(process.name),
        "exe": None if process.exe is None else _text(process.exe),
        "cmdline": [printable(each) for each in mask_argv(process.cmdline)],
        "user": _text(process.user),
        "uid": process.uid,
        "state": process.state,
        "nice": process.nice,
        "ppid": process.ppid,
        "session": process.session,
        "sigterm": process.sigterm,
        "kernel_thread": process.kernel_thread,
        "namespace_pids": list(process.namespace_pids),
        "boot_id": process.key.boot_id,
        "start_ticks": process.key.start_ticks,
        "cpu": None if cpu is None else {"percent": round(cpu.percent, 1), "window_s": round(cpu.window_s, 3)},
        "cgroup": _text(process.cgroup),
    }


def owner_to_json(owner: Owner) -> Document:
    """One of `owners`; its raw answers stay out, since they may hold secrets."""
    return {
        "kind": owner.kind,
        "name": _text(owner.name),
        "id": _text(owner.id),
        "policy": _text(owner.policy),
        "facts": {_text(str(name)): _fact(str(name), value) for name, value in owner.facts.items()},
        "evidence": [_text(each) for each in owner.evidence],
    }


def _fact(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return printable(mask_variable(name, value))
    if isinstance(value, Mapping):
        return {_text(str(key)): _fact(str(key), each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_fact(name, each) for each in value]
    return value if value is None or isinstance(value, (bool, int, float)) else _text(str(value))


def _fate(outlook: Outlook) -> Document:
    return {
        "action": outlook.action,
        "ends": outlook.ends,
        "returns": outlook.returns,
        "by": None if outlook.by is None else _text(outlook.by),
        "after_s": outlook.after_s,
        "certainty": outlook.certainty,
        "why": _text(outlook.why),
    }


def death_to_json(death: SeenDeath) -> Document:
    return {
        "pid": death.pid,
        "started_at": _time(death.started_at),
        "died_at": _time(death.died_at),
        "successor_pid": death.successor_pid,
        "delay_s": death.delay_s,
        "ending": death.ending and death.ending.to_json(),
    }


def _history(history: History) -> Document:
    return {
        "returns_seen": history.returns_seen,
        "shortest_s": history.shortest_s,
        "longest_s": history.longest_s,
        "deaths": [death_to_json(death) for death in history.deaths],
        "pids": list(history.pids),
    }


def _step(step: Step) -> Document:
    return {
        "title": _text(step.title),
        "command": _text(step.command),
        "effect": _text(step.effect),
        "risk": step.risk,
        "undo": None if step.undo is None else _text(step.undo),
        "verify": _text(sentence(step.check)),
        "phase": LAST_RESORT if step.last_resort else step.phase,
    }


def _advice(advice: Advice) -> Document:
    where = None if advice.where is None else _text(advice.where)
    return {"what": _text(advice.what), "where": where, "lines": [_text(each) for each in advice.lines]}


def _never(never: Dangerous) -> Document:
    return {
        "command": _text(never.command),
        "why": _text(never.why),
        "would_lose": [effect_to_json(effect) for effect in never.would_lose],
    }


def effect_to_json(effect: Effect) -> Document:
    """One entry of `would_lose`, as `preflight --json` has it in `effects` too.

    `recoverable` is null where nothing is lost, and true where the line itself has put a copy into `kept_in`.
    """
    size = effect.size or Size(None)
    return {
        "verb": effect.verb,
        "type": effect.type,
        "name": _text(effect.name),
        "data_lost": effect.data_lost,
        "size_bytes": size.bytes,
        "size_is_at_least": size.at_least,
        "last_write": _time(size.last_write),
        "used_by": [_text(each) for each in effect.used_by],
        "in_use": effect.in_use,
        "recoverable": True if effect.kept_in else False if effect.data_lost else None,
        "why": _text(effect.why),
        **({"kept_in": _text(effect.kept_in)} if effect.kept_in else {}),
    }


def _text(text: str) -> str:
    return printable(mask_text(text))


def _time(at: float | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond where there is one."""
    if at is None:
        return None
    moment = datetime.fromtimestamp(round(at, 3), UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


# --- and back --------------------------------------------------------------------------------------------------


def from_json(document: Document) -> CaseFile:
    """The case of a stored document. What it never held (the owners' raw answers) is empty.

    Raises ValueError for a document of another schema, or one that is not whole.
    """
    if document.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"a case file of schema version {document.get('schema_version')}, not {SCHEMA_VERSION}")
    try:
        return _case(document)
    except (KeyError, TypeError) as fault:
        raise ValueError(f"a case file that is not whole: {fault}") from fault


def _case(document: Document) -> CaseFile:
    cpu = document["process"]["cpu"]
    return CaseFile(
        process=_process_of(document["process"]),
        cpu=None if cpu is None else CpuShare(cpu["percent"], cpu["window_s"]),
        owners=tuple(Owner(**{**owner, "evidence": tuple(owner["evidence"])}) for owner in document["owners"]),
        prognosis=tuple(map(_outlook_of, document["prognosis"])),
        history=_history_of(document["history"]),
        plan=_plan_of(document["plan"]),
        gaps=tuple(Gap(gap["source"], gap["problem"], gap["mend"]) for gap in document["gaps"]),
        asked_pid=document["asked_pid"] or 0,
        since=_seconds(document["hot_since"]),
        host=document["host"],
        # Documents of the first version have none of these.
        condition=tuple(document.get("condition", ())),
        signs=tuple(Sign(**sign) for sign in document.get("signs", ())),
        cause=None if (cause := document.get("cause")) is None else Cause(**_with_tuple(cause, "evidence")),
        left_behind=None if (left := document.get("left_behind")) is None else LeftBehind(**_with_tuple(left, "pids")),
        doing=None if (doing := document["process"].get("doing")) is None else _doing_of(doing),
        last_end=None if (ended := document.get("last_end")) is None else LastEnd(**_with_tuple(ended, "log")),
        changed=tuple(Change(**{**each, "at": _seconds(each["at"]) or 0.0}) for each in document.get("changed", ())),
    )


def _doing_of(doing: Document) -> Doing:
    return Doing(**{**doing, "threads": tuple(BusyThread(**each) for each in doing["threads"])})


def _plan_of(plan: Document) -> Plan:
    """Documents of the first version have neither phases nor `still` nor `afterwards`."""
    return Plan(
        goal=plan["goal"],
        steps=tuple(map(_step_of, plan["steps"])),
        dangerous=tuple(
            Dangerous(each["command"], each["why"], tuple(map(_loss_of, each["would_lose"]))) for each in plan["never"]
        ),
        remaining_triggers=tuple(plan.get("still", ())),
        hardening=tuple(Advice(**_with_tuple(each, "lines")) for each in plan.get("afterwards", ())),
    )


def _outlook_of(outlook: Document) -> Outlook:
    """Its reasons as the one sentence that is told of them."""
    told = {name: value for name, value in outlook.items() if name != "why"}
    return Outlook(**told, reasons=reasons(outlook["why"]))


def _step_of(step: Document) -> Step:
    """Its check as it is told: what a script would look at is not in the document."""
    told = {name: value for name, value in step.items() if name != "verify"}
    if told.get("phase") == LAST_RESORT:  # which of the phases it was is not in the document
        told |= {"phase": "hold", "last_resort": True}
    return Step(**told, check=ByEye(step["verify"]))


def _with_tuple(document: Document, name: str) -> Document:
    return {**document, name: tuple(document[name])}


def _process_of(process: Document) -> Process:
    return Process(
        key=ProcKey(process["boot_id"], process["pid"] or 0, process["start_ticks"]),
        name=process["name"],
        state=process["state"],
        ppid=process["ppid"],
        started_at=_seconds(process["started_at"]) or 0.0,
        exe=process["exe"],
        cmdline=tuple(process["cmdline"]),
        uid=process["uid"],
        user=process["user"],
        nice=process["nice"],
        cgroup=process["cgroup"],
        kernel_thread=process["kernel_thread"],
        namespace_pids=tuple(process["namespace_pids"]),
        sigterm=process["sigterm"],
        session=process["session"],
        alive=process["alive"],
    )


def _history_of(history: Document) -> History:
    deaths = tuple(
        SeenDeath(
            death["pid"],
            _seconds(death["started_at"]) or 0.0,
            _seconds(death["died_at"]) or 0.0,
            death["successor_pid"],
            death["delay_s"],
            Ending.from_json(death.get("ending") or {}),
        )
        for death in history["deaths"]
    )
    pids = tuple(history["pids"])
    return History(history["returns_seen"], history["shortest_s"], history["longest_s"], deaths, pids)


def _loss_of(loss: Document) -> Effect:
    size = Size(loss["size_bytes"], loss["size_is_at_least"], _seconds(loss["last_write"]))
    return Effect(
        verb=loss["verb"],
        type=loss["type"],
        name=loss["name"],
        data_lost=loss["data_lost"],
        why=loss["why"],
        size=size,
        used_by=tuple(loss["used_by"]),
        in_use=loss.get("in_use"),  # documents of the first version do not have it
    )


def _seconds(moment: str | None) -> float | None:
    return None if moment is None else datetime.fromisoformat(moment).timestamp()
