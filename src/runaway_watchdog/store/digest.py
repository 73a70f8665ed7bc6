"""The daily digest: what was found, was harmless, and woke nobody."""

import json
import sqlite3
import time
from collections.abc import Iterable
from typing import Final

from runaway_watchdog.hostile import clean
from runaway_watchdog.store import outbox

_MOST_LISTED: Final = 30
_TOO_OLD_S: Final = 2 * 86400.0  # what a watch that was off for a week finds is no news


def put_digest(connection: sqlite3.Connection, channels: Iterable[str], host: str, now: float) -> int:
    """One message for each channel about the incidents that were told nowhere; returns how many those are.

    Each is in one digest, so that asking twice a day sends once. None: no message.
    """
    rows = connection.execute(
        """SELECT id, state, summary, coalesce(reopened_at, opened_at) AS at, resolved_at FROM incident
        WHERE push = 0 AND digested_at IS NULL AND at > ?
            AND NOT EXISTS (SELECT 1 FROM outbox WHERE incident_id = incident.id) ORDER BY at""",
        (now - _TOO_OLD_S,),
    ).fetchall()
    if not rows:
        return 0
    message = json.dumps(
        {"subject": _subject(len(rows), host), "text": _text(rows, host), "html": None, "markdown": None}
    )
    for channel in channels:
        outbox.enqueue(connection, None, "digest", channel, message, now)
    connection.executemany("UPDATE incident SET digested_at = ? WHERE id = ?", [(now, row[0]) for row in rows])
    return len(rows)


def _subject(count: int, host: str) -> str:
    return clean(f"{host}: {count} harmless incident{'' if count == 1 else 's'} (daily digest)", 60)


def _text(rows: list[tuple[int, str, str, float, float | None]], host: str) -> str:
    lines = [f"On {clean(host, 60)} this was found, and did no harm to others:", ""]
    for number, state, summary, at, resolved_at in rows[-_MOST_LISTED:]:
        end = "still going on" if resolved_at is None or state != "resolved" else f"until {_clock(resolved_at)}"
        lines += [f"  {number}: {clean(summary, 160)}", f"      from {_clock(at)}, {end}"]
    if len(rows) > _MOST_LISTED:
        lines.append(f"  and {len(rows) - _MOST_LISTED} older ones")
    lines += [
        "",
        "One of them whole, with who keeps it alive:",
        f"    sudo runaway-watchdog incidents show {rows[-1][0]}",
    ]
    return "\n".join(lines) + "\n"


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
