"""Every SQL statement of the store, by name. Parameters are named; documents are JSON text (see `codec`).

Nothing newer than SQLite 3.25 is used (no RETURNING, no STRICT): distributions ship old ones.
"""

# ------------------------------------------------------------------ transactions

# Writers take the write lock at the start, so what they check still holds when they commit.
BEGIN_WRITE = "BEGIN IMMEDIATE"
BEGIN_READ = "BEGIN DEFERRED"
COMMIT = "COMMIT"
ROLLBACK = "ROLLBACK"

# ------------------------------------------------------------------ lease

LEASE = "SELECT token, holder FROM leases WHERE service = :service"

# The token rises with every holder and never falls, also when the lease was free.
TAKE_LEASE = """
    INSERT INTO leases (service, token, holder) VALUES (:service, 1, :holder)
    ON CONFLICT (service) DO UPDATE SET token = token + 1, holder = excluded.holder
"""

# Only the present holder frees it; the token stays, so the next one is still higher.
FREE_LEASE = "UPDATE leases SET holder = NULL WHERE service = :service AND token = :token"

# ------------------------------------------------------------------ decisions

# The first decision of a rollout; an id that exists fails on its unique index.
BEGIN_ROLLOUT = "INSERT INTO rollouts (id, service, version, state) VALUES (:id, :service, 1, :state)"

# Every later one: no row changes if somebody committed in between.
UPDATE_ROLLOUT = """
    UPDATE rollouts SET version = version + 1, state = :state
    WHERE id = :id AND service = :service AND version = :expected
"""

# An event's number is the version it led to, so the log has no gap.
LOG_EVENT = """
    INSERT INTO events (rollout, number, event)
    SELECT number, version, :event FROM rollouts WHERE id = :id
"""

POST_COMMAND = "INSERT INTO outbox (rollout, command) SELECT number, :command FROM rollouts WHERE id = :id"

# Outbox numbers are never used twice, so answering one late can only miss.
SETTLE_COMMAND = """
    DELETE FROM outbox WHERE id = :done AND rollout IN (SELECT number FROM rollouts WHERE service = :service)
"""

SAVE_LEDGER = """
    INSERT OR REPLACE INTO ledgers (rollout, data)
    SELECT number, :data FROM rollouts WHERE id = :id AND service = :service
"""

# A segment that is there already was written by an attempt whose outcome was in doubt: it is the same one.
SAVE_SEGMENT = """
    INSERT OR IGNORE INTO records (rollout, number, data)
    SELECT number, :number, :data FROM rollouts WHERE id = :id AND service = :service
"""

# Keeps the records of the newest rollouts of a service: so many bytes together.
FORGET_RECORDS = """
    DELETE FROM records WHERE rollout IN (
        SELECT number FROM (
            SELECT number, sum(size) OVER (ORDER BY number DESC) AS bytes FROM (
                SELECT rollouts.number AS number, sum(length(data)) AS size
                FROM rollouts JOIN records ON records.rollout = rollouts.number
                WHERE service = :service GROUP BY rollouts.number
            )
        ) WHERE bytes > :bytes
    )
"""

# Keeps the newest rollouts of a service: so many, with so many events together, and always the newest one.
# Events, outbox, ledger and record of a forgotten rollout go with it.
FORGET_OLD = """
    DELETE FROM rollouts WHERE number IN (
        SELECT number FROM (
            SELECT number,
                   row_number() OVER newest_first AS place,
                   sum(version) OVER newest_first AS events
            FROM rollouts WHERE service = :service
            WINDOW newest_first AS (ORDER BY number DESC)
        ) WHERE place > 1 AND (place > :rollouts OR events > :events)
    )
"""

# ------------------------------------------------------------------ reading

ROLLOUT = """
    SELECT rollouts.number, version, state, data
    FROM rollouts LEFT JOIN ledgers ON ledgers.rollout = rollouts.number
    WHERE id = :id
"""

LATEST_ID = "SELECT id FROM rollouts WHERE service = :service ORDER BY number DESC LIMIT 1"

ROLLOUT_NUMBER = "SELECT number FROM rollouts WHERE id = :id"

EVENTS = """
    SELECT number, event FROM events
    WHERE rollout = :rollout AND number > :after ORDER BY number LIMIT :limit
"""

RECORD = """
    SELECT number, data FROM records
    WHERE rollout = :rollout AND number > :after ORDER BY number LIMIT :limit
"""

RECORDED = "SELECT coalesce(max(number), 0), coalesce(sum(length(data)), 0) FROM records WHERE rollout = :rollout"

PENDING = "SELECT id, command FROM outbox WHERE rollout = :rollout ORDER BY id"

HISTORY = "SELECT state FROM rollouts WHERE service = :service ORDER BY number DESC LIMIT :limit"

# ------------------------------------------------------------------ small values

REMEMBER = "INSERT OR REPLACE INTO notes (service, key, value) VALUES (:service, :key, :value)"

RECALL = "SELECT value FROM notes WHERE service = :service AND key = :key"

OTHER_NOTES = "SELECT count(*) FROM notes WHERE service = :service AND key <> :key"
