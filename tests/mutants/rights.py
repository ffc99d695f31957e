"""Mutants of who may do what: the clock, the daemon's claim, rights, owners and selectors."""

from __future__ import annotations

from mutants.table import Edit, Mutant

RIGHTS = (
    Mutant(
        "m-clock",
        "only members of the owner move the clock",
        (Edit("sql/base/trusted_setting.sql", "pg_has_role(session_user, to_regrole(_role), 'MEMBER')", "true"),),
        ("tests/sql/test_trusted_settings.py::test_a_cms_moves_no_clock_and_forges_no_reason",),
    ),
    Mutant(
        "m-session-user",
        "the role that logged in counts, not the one as which a function runs",
        (Edit("sql/base/trusted_setting.sql", "pg_has_role(session_user,", "pg_has_role(current_user,"),),
        ("tests/sql/test_trusted_settings.py",),
    ),
    Mutant(
        "m-claims",
        "nobody but a daemon sets a job in progress",
        (
            Edit(
                "sql/jobs/is_claim.sql",
                "pgjobs.trusted_setting('pgjobs.claims', '{pgjobs_daemon}')",
                "current_setting('pgjobs.claims', true)",
            ),
        ),
        ("tests/sql/test_triggers.py::test_nobody_passes_for_a_daemon",),
    ),
    Mutant(
        "m-closed",
        "what is not listed is closed to everybody",
        (
            Edit(
                "sql/access.sql",
                "foreach _roles in array _present || '{public}' loop",
                "foreach _roles in array _present loop",
            ),
        ),
        ("tests/sql/test_rights.py::test_the_matrix_of_rights",),
    ),
    Mutant(
        "m-owned",
        "the functions of the schema belong to the role that logs in nowhere",
        (Edit("sql/roles.sql", "and (m.owner = _former or pg_has_role", "and (m.owner = _former and pg_has_role"),),
        ("tests/sql/test_rights.py::test_the_owner_owns_everything",),
    ),
    Mutant(
        "m-lent",
        "a daemon runs jobs without rights on any table",
        (Edit("sql/selection/open_records.sql", "security definer\n", ""),),
        ("tests/sql/test_rights.py::test_whoever_may_call_is_lent_the_rights_of_the_owner",),
    ),
    Mutant(
        "m-rights-back",
        "migrate puts back a right that somebody has revoked or granted by hand",
        (
            Edit(
                "pgjobs/pg/migrate.py",
                "        if changed or self._work.execute(WITHOUT_RIGHTS).fetchone():\n",
                "        if self._work.execute(WITHOUT_RIGHTS).fetchone():\n",
            ),
        ),
        ("tests/ops/test_doctor_rights.py", "-k", "by_hand_is_told_and"),
    ),
    Mutant(
        "m-ready-rights",
        "a web process without its rights is not ready",
        (
            Edit(
                "pgjobs/web/health.py",
                'return missing_right(f"no right to {lacking}") if lacking else None',
                "return None",
            ),
        ),
        ("tests/doors/test_web_database.py::test_readiness_needs_the_rights_of_the_web_process",),
    ),
)
