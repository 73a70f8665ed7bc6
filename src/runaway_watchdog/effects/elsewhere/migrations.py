"""The tools of a project's database that empty it or take its tables back: Rails, Django, Laravel, Prisma and others.

Which database that is, the project's own configuration says; it is not read.
"""

from collections.abc import Mapping

from runaway_watchdog.effects import HostState, Outcome, harmless
from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World

_RAILS = (
    "db:drop db:reset db:drop:all db:purge db:purge:all db:schema:load db:structure:load db:setup db:truncate_all "
    "db:seed:replant db:migrate:reset db:rollback db:migrate:down db:migrate:redo db:drop:_unsafe"
)
_ARTISAN = "migrate:fresh migrate:refresh migrate:reset migrate:rollback db:wipe schema:drop"
_CONSOLE = (
    "doctrine:database:drop doctrine:schema:drop doctrine:fixtures:load doctrine:migrations:execute d:d:d d:s:d d:f:l "
    "cache:pool:prune"
)
RESETS: Mapping[str, frozenset[str]] = {
    "rails": frozenset(_RAILS.split()),
    "rake": frozenset(_RAILS.split()),
    "manage.py": frozenset(
        ["flush", "reset_db", "sqlflush_all", "reset_schema", "drop_test_database", "clear_db", "zero"]
    ),
    "django-admin": frozenset(["flush", "reset_db", "reset_schema", "zero"]),
    "artisan": frozenset(_ARTISAN.split()),
    "console": frozenset(_CONSOLE.split()),
    "prisma": frozenset(("migrate reset",)),
    "alembic": frozenset(("downgrade",)),
    "flask": frozenset(("db downgrade",)),
    "knex": frozenset(("migrate:rollback", "migrate:down")),
    "knex-migrate": frozenset(("down", "rollback")),
    "sequelize": frozenset(("db:drop", "db:migrate:undo", "db:migrate:undo:all")),
    "sequelize-cli": frozenset(("db:drop", "db:migrate:undo", "db:migrate:undo:all")),
    "typeorm": frozenset(("schema:drop", "migration:revert")),
    "mikro-orm": frozenset(("schema:drop", "schema:fresh", "migration:fresh", "migration:down")),
    "drizzle-kit": frozenset(("drop",)),
    "flyway": frozenset(("clean", "undo")),
    "liquibase": frozenset(["dropAll", "drop-all", "rollback", "rollbackCount", "rollback-count", "rollback-to-date"]),
    "mix": frozenset(["ecto.drop", "ecto.reset", "ecto.rollback"]),
    "supabase": frozenset(("db reset",)),
    "goose": frozenset(["down", "reset", "down-to", "redo"]),
    "dbmate": frozenset(["drop", "down", "rollback"]),
    "migrate": frozenset(["down", "drop", "force"]),
    "diesel": frozenset(("database reset", "database drop", "migration revert", "migration redo")),
    "sqlx": frozenset(("database drop", "database reset", "migrate revert")),
    "sea-orm-cli": frozenset(("migrate fresh", "migrate refresh", "migrate reset", "migrate down")),
    "atlas": frozenset(("schema clean", "migrate down")),
    "wp": frozenset(("db reset", "db clean", "db drop", "site empty", "site delete")),
    "drush": frozenset(["sql-drop", "sql:drop", "site-install", "site:install", "si"]),
    "hasura": frozenset(("migrate delete",)),
    "payload": frozenset(["migrate:fresh", "migrate:reset", "migrate:refresh", "migrate:down"]),
    "dotnet-ef": frozenset(("database drop",)),
    "ef": frozenset(("database drop",)),
    "dotnet": frozenset(("ef database drop",)),
    "symfony": frozenset(_CONSOLE.split()),
    "phinx": frozenset(("rollback",)),
    "ace": frozenset(["migration:fresh", "migration:reset", "migration:refresh", "migration:rollback", "db:wipe"]),
    "directus": frozenset(()),
    "medusa": frozenset(("db:rollback",)),
    "strapi": frozenset(()),
}
ONLY_WITH: Mapping[str, tuple[str, ...]] = {
    "prisma": ("--force-reset", "--accept-data-loss"),
    "typeorm": ("--dropSchema",),
}
"""Options that empty the database whatever the subcommand is."""
LOOKS = ("--help", "-h", "--pretend", "--dry-run", "--sql", "--show-sql", "--dump-sql")
LONGEST = 3


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """The project's database is emptied, or its tables are taken back."""
    program = command.program or ""
    words = of(command, "--settings --database --env --environment -c --config --schema")
    verbs = {" ".join(words.texts[:length]) for length in range(1, LONGEST + 1)} | set(words.texts[:LONGEST])
    verbs |= {"zero"} if program in ("manage.py", "django-admin") and words.texts[-1:] == ("zero",) else set()
    if words.has(*LOOKS):
        return Outcome((), host)
    if verbs & RESETS[program] or words.has(*ONLY_WITH.get(program, ())):
        folder = command.folder or "the folder it runs in"
        why = f"`{shown(command, 40)}` empties it, or drops tables with what they hold; which one was not looked up"
        return Outcome((Effect("delete", "database", f"of the project in {folder}", True, why),), host)
    if not words.complete and any(word.text is None for word in words.operands[:2]):
        return Outcome(
            (), host, (f"what `{shown(command)}` does to the project's database is only known when it runs",)
        )
    return harmless.effects(command, host, world)
