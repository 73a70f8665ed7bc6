"""The store's tables (SQLite, WAL). Times are seconds since the epoch; durations are seconds."""

from typing import Final

_TABLES: Final = """
CREATE TABLE lineage (          -- "the same work": same owner-level group, same program
    id          INTEGER PRIMARY KEY,
    key         TEXT NOT NULL UNIQUE,
    group_path  TEXT NOT NULL,
    name        TEXT NOT NULL,
    first_seen  REAL NOT NULL,
    last_seen   REAL NOT NULL,
    returns_seen INTEGER NOT NULL DEFAULT 0,  -- counted here: the rows of a crash loop are pruned long before it ends
    shortest_s  REAL,           -- from a death to the return
    longest_s   REAL
);
CREATE TABLE process (          -- every process of a lineage that was hot, or took the place of one that was
    boot_id     TEXT NOT NULL,
    pid         INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    lineage_id  INTEGER NOT NULL REFERENCES lineage (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    cmdline     TEXT NOT NULL,  -- JSON array, secrets masked
    started_at  REAL NOT NULL,
    hot_since   REAL,
    cpu_percent REAL,           -- the watch's newest figure, over cpu_window_s, at seen_at
    cpu_window_s REAL,
    seen_at     REAL NOT NULL,
    died_at     REAL,
    death_exact INTEGER,        -- 1: the kernel told the moment; 0: noticed at the next look
    predecessor_pid INTEGER,    -- whose place it took
    predecessor_start_ticks INTEGER,
    return_delay_s REAL,        -- from that death to this start
    PRIMARY KEY (boot_id, pid, start_ticks)
);
CREATE INDEX process_by_pid ON process (pid);
CREATE INDEX process_by_lineage ON process (lineage_id, started_at);
CREATE TABLE incident (
    id          INTEGER PRIMARY KEY,
    lineage_id  INTEGER NOT NULL REFERENCES lineage (id) ON DELETE CASCADE,
    rule        TEXT NOT NULL,
    severity    TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    state       TEXT NOT NULL CHECK (state IN ('open', 'acknowledged', 'resolved')),
    summary     TEXT NOT NULL,
    opened_at   REAL NOT NULL,
    resolved_at REAL,
    cpu_percent REAL NOT NULL,
    window_s    REAL NOT NULL,
    pid         INTEGER,        -- the process that it was opened for; NULL for a group
    start_ticks INTEGER
);
CREATE TABLE case_file (        -- the newest explanation of a lineage: the JSON of `explain --json`, and its text
    lineage_id  INTEGER PRIMARY KEY REFERENCES lineage (id) ON DELETE CASCADE,
    made_at     REAL NOT NULL,
    json        TEXT NOT NULL
);
CREATE TABLE outbox (           -- one row for each message and channel; sent at least once
    id          INTEGER PRIMARY KEY,
    incident_id INTEGER,
    kind        TEXT NOT NULL,  -- a case request's kind, or fallback, refusal, digest
    channel     TEXT NOT NULL,  -- the channel's label: never its URL
    message     TEXT NOT NULL,  -- JSON: subject, text, html, markdown
    created_at  REAL NOT NULL,
    next_at     REAL NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    sent_at     REAL,
    last_error  TEXT,
    UNIQUE (incident_id, kind, channel, created_at)
);
CREATE INDEX incident_by_lineage ON incident (lineage_id);
CREATE INDEX outbox_due ON outbox (next_at) WHERE sent_at IS NULL;
CREATE TABLE beat (             -- is the watch alive, and what is it doing
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    pid         INTEGER NOT NULL,
    started_at  REAL NOT NULL,
    tick_at     REAL NOT NULL,
    ticks       INTEGER NOT NULL,
    dropped     INTEGER NOT NULL DEFAULT 0  -- writes that a full queue or disk refused
);
"""

_CURVES: Final = """
CREATE TABLE watched (          -- how long the watch looked, in each step of each resolution
    step_s      INTEGER NOT NULL,
    at          INTEGER NOT NULL,   -- when the step began
    watched_s   REAL NOT NULL,
    PRIMARY KEY (step_s, at)
) WITHOUT ROWID;
CREATE TABLE curve_group (      -- names, once: they are longer than all that is told of them in a step
    id          INTEGER PRIMARY KEY,
    group_path  TEXT NOT NULL UNIQUE  -- "" is the whole host
);
CREATE TABLE curve (            -- CPU seconds of a group in a step
    step_s      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    group_id    INTEGER NOT NULL,
    cpu_s       REAL NOT NULL,
    PRIMARY KEY (step_s, at, group_id)
) WITHOUT ROWID;
"""

_STORIES: Final = """
CREATE TABLE event (            -- what happened to an incident, one line of its story each
    id          INTEGER PRIMARY KEY,
    incident_id INTEGER NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
    at          REAL NOT NULL,
    kind        TEXT NOT NULL,
    detail      TEXT NOT NULL   -- JSON object
);
CREATE INDEX event_by_incident ON event (incident_id, at);
ALTER TABLE incident ADD COLUMN reopened_at REAL /* the newest time */;
ALTER TABLE incident ADD COLUMN push INTEGER NOT NULL DEFAULT 1 /* 0: nobody is sent a message of it */;
ALTER TABLE incident ADD COLUMN acknowledged_until REAL /* NULL while acknowledged: until it is over */;
ALTER TABLE incident ADD COLUMN note TEXT;
ALTER TABLE incident ADD COLUMN digested_at REAL;
CREATE TABLE expectation (      -- heavy work that is meant to be there, as `expect` was told
    id          INTEGER PRIMARY KEY,
    unit        TEXT NOT NULL,  -- a shell's pattern
    first_minute INTEGER NOT NULL,  -- of the day, local time
    last_minute INTEGER NOT NULL,
    until       REAL,           -- NULL: until it is removed
    made_at     REAL NOT NULL
);
CREATE TABLE channel (          -- how it goes with each channel that was tried
    name        TEXT PRIMARY KEY,  -- its label
    failures    INTEGER NOT NULL DEFAULT 0,  -- in a row
    tried_at    REAL NOT NULL,
    not_before  REAL NOT NULL DEFAULT 0,
    problem     TEXT,           -- NULL: it took the last message
    refused_at  REAL            -- since when it says no for good
) WITHOUT ROWID;
ALTER TABLE outbox ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0 /* 1: neither quiet hours nor rate limits hold it */;
"""

_HEARTBEAT: Final = """
ALTER TABLE beat ADD COLUMN heartbeat_failed_at REAL /* NULL: the outside service takes it, or there is none */;
"""

_SILENCE: Final = """
ALTER TABLE outbox ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0 /* so often the service got it, and said nothing */;
"""

_ENDINGS: Final = """
ALTER TABLE process ADD COLUMN ending TEXT /* JSON object: how it ended; NULL: not known */;
"""

MIGRATIONS: Final = (_TABLES, _CURVES, _STORIES, _HEARTBEAT, _SILENCE, _ENDINGS)
"""Each brings the store from the version that is its index to the next one (`PRAGMA user_version`)."""

SCHEMA_VERSION: Final = len(MIGRATIONS)
