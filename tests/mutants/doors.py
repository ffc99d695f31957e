"""Mutants around people: who is named in an event, who may name another, and what may be done twice."""

from __future__ import annotations

from mutants.table import Edit, Mutant

ACTOR, TWICE = "tests/sql/test_actor.py", "tests/sql/test_double_click.py"
PARTNER = "tests/doors/partner"
SEARCHES, SEARCH_SQL = "tests/doors/operations/test_searches.py", "sql/doors/operations/search"
AUTH, UPLOADS = "tests/doors/test_web_auth.py", "tests/doors/cms/test_cms_files.py"
OWED = "tests/doors/test_protection.py"
COSTS, KEPT = "tests/doors/test_status_costs.py", "set plan_cache_mode = force_generic_plan\n"
DOORS = (
    Mutant(
        "m-plan",
        "a status call plans nothing anew",
        (Edit("sql/status/job_state.sql", KEPT, ""),),
        (f"{COSTS}::test_what_is_asked_of_one_job_plans_nothing_anew",),
    ),
    Mutant(
        "m-state-once",
        "a status call looks the state of the job up once",
        (Edit("sql/doors/operations/operation_summary.sql", "as state offset 0)", "as state)"),),
        (f"{COSTS}::test_the_state_of_a_job_is_looked_up_once",),
    ),
    Mutant(
        "m-scope",
        "a token of scope read changes nothing",
        (Edit("pgjobs/web/door.py", "            require(request.state.identity, self._door.name, needed)\n", ""),),
        (f"{AUTH}::test_a_read_token_reads_and_a_control_token_does_all",),
    ),
    Mutant(
        "m-other-door",
        "a token for one door opens no other one",
        (
            Edit(
                "pgjobs/web/identity.py",
                'for scope in (verb, f"{door}:{verb}"))',
                "for scope in (verb, *(s for s in self.scopes if s.endswith(verb))))",
            ),
        ),
        (f"{OWED}::test_a_token_opens_only_the_door_and_the_verb_of_its_scope",),
    ),
    Mutant(
        "m-odd-path",
        "a path with a line break stays with the door whose prefix it has",
        (Edit("pgjobs/web/endpoint.py", 'regex = "(?s:.*)"', 'regex = ".*"'),),
        (f"{OWED}::test_unknown_paths_have_the_shape_of_the_door",),
    ),
    Mutant(
        "m-document",
        "no answer has a status that the OpenAPI document does not know",
        (Edit("pgjobs/web/openapi_operation.py", "possible = {400, 503}", "possible = {400}"),),
        ("tests/doors/test_web_database.py::test_requests_succeed_again_after_a_read_only_phase",),
    ),
    Mutant(
        "m-page",
        "what the page of the document shows is text",
        (Edit("pgjobs/web/docs.py", 'r"<code>\\1</code>", escape(text))', 'r"<code>\\1</code>", text)'),),
        ("tests/doors/test_openapi.py::test_what_a_document_says_is_text_of_the_page",),
    ),
    Mutant(
        "m-render",
        "an error is written in the shape of its door",
        (Edit("pgjobs/web/errors.py", 'getattr(request.state, "render", json_problem)', "json_problem"),),
        ("tests/doors/test_web_doors.py::test_every_error_has_the_shape_of_its_door",),
    ),
    Mutant(
        "m-upload-race",
        "an upload never takes the place of another file, not even of one that came while it was under way",
        (
            Edit(
                "pgjobs/injection/incoming.py",
                "os.link(self._temporary, self._name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)\n"
                "        self._remove()\n",
                "os.rename(self._temporary, self._name, src_dir_fd=here, dst_dir_fd=here)\n"
                '        self._temporary = ""\n',
            ),
        ),
        (f"{UPLOADS}::test_of_two_that_race_for_a_name_one_gets_it",),
    ),
    Mutant(
        "m-upload-leftover",
        "the unfinished upload of a process that lives is left alone by one that starts",
        (Edit("pgjobs/injection/incoming.py", "        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n", ""),),
        (f"{UPLOADS}::test_what_a_killed_process_leaves_is_removed_by_the_next",),
    ),
    Mutant(
        "m-log-bounded",
        "of a log only what is committed is shown",
        (
            Edit(
                "pgjobs/web/joblogs.py",
                "[Part(file.path, file.bytes) for",
                "[Part(file.path, __import__('os').stat(file.path).st_size) for",
            ),
        ),
        ("tests/doors/cms/test_cms_log.py::test_the_whole_log_comes_in_order_up_to_what_is_committed",),
    ),
    Mutant(
        "m-log-msisdn",
        "the lines of an msisdn are those whose first column it is",
        (Edit("pgjobs/joblog/search.py", 'msisdn_of(target.encode(errors="replace")) == msisdn.encode()', "True"),),
        ("tests/doors/cms/test_cms_log.py::test_the_lines_of_one_msisdn",),
    ),
    Mutant(
        "m-if-match",
        "a change under If-Match is done at the revision that was read alone",
        (Edit("sql/doors/cms/change_job.sql", "  perform pgjobs.expect_revision(_id, _revisions);\n", ""),),
        ("tests/doors/cms/test_cms_jobs.py::test_if_match_refuses_what_was_read_too_long_ago",),
    ),
    Mutant(
        "m-actor",
        "the event of a change names on whose behalf it was made",
        (Edit("sql/jobs/add_event.sql", "then pgjobs.actor() end", "then null end"),),
        (f"{ACTOR}::test_changes_by_http_name_the_token", f"{ACTOR}::test_the_transitions_of_a_daemon_name_it"),
    ),
    Mutant(
        "m-actor-http",
        "every change by HTTP says who calls",
        (Edit("pgjobs/web/doors/cms/links.py", "call, job, actor(request))", "call, job, None)"),),
        (
            f"{ACTOR}::test_changes_by_http_name_the_token",
            f"{ACTOR}::test_changes_by_http_without_tokens_name_the_address",
        ),
    ),
    Mutant(
        "m-actor-forged",
        "an ordinary role acts in nobody else's name",
        (
            Edit(
                "sql/jobs/actor.sql",
                "select pgjobs.trusted_setting('pgjobs.actor',",
                "select nullif(current_setting('pgjobs.actor', true), '') where '' <> all (",
            ),
        ),
        (
            f"{ACTOR}::test_an_ordinary_role_forges_no_actor",
            f"{ACTOR}::test_an_ordinary_role_is_refused_when_it_names_an_actor",
        ),
    ),
    Mutant(
        "m-actor-stays",
        "an actor is forgotten after the call that it was given to",
        (Edit("sql/jobs/stop_job.sql", "  perform set_config('pgjobs.actor', _former, true);\n", ""),),
        (f"{ACTOR}::test_an_actor_holds_for_one_call",),
    ),
    Mutant(
        "m-key",
        "a second job with an idempotency key is refused",
        (Edit("sql/jobs/guard_key.sql", "    exit when found;\n", "    exit;\n"),),
        (f"{TWICE}::test_a_key_is_used_once", f"{TWICE}::test_of_two_inserts_at_once_one_is_kept[True]"),
    ),
    Mutant(
        "m-equal",
        "an event warns of an equal job of the same day",
        (Edit("sql/jobs/remark_equal_job.sql", "_age < interval '1 day'", "_age < interval '1 h'"),),
        (f"{TWICE}::test_an_equal_job_counts_for_a_day",),
    ),
    Mutant(
        "m-partner-others",
        "a partner sees no job that another one has submitted",
        (Edit("sql/doors/partner/partner_job.sql", "(_all or j.submitted_by = _actor)", "_actor is not null"),),
        (f"{PARTNER}/test_partner_contract.py::test_nobody_sees_what_another_one_submitted",),
    ),
    Mutant(
        "m-partner-failed",
        "a job that is done has failed where its items have, as its type says",
        (Edit("sql/doors/partner/partner_job.sql", "w.partner = 200 and pgjobs.has_failed(j.id)", "false"),),
        (f"{PARTNER}/test_partner_contract.py::test_failed_items_count_as_the_type_says",),
    ),
    Mutant(
        "m-partner-basic",
        "a token counts under its own name alone",
        (Edit("pgjobs/web/doors/partner/callers.py", 'found.name == f"token {user}"', "found.name"),),
        (f"{PARTNER}/test_credentials.py::test_wrong_credentials_are_all_alike",),
    ),
    Mutant(
        "m-partner-origin",
        "pages of configured origins alone read answers",
        (
            Edit(
                "pgjobs/web/cors.py",
                '        if origin in self._known:\n            own |= {"Access',
                '        if origin:\n            own |= {"Access',
            ),
        ),
        (f"{PARTNER}/test_credentials.py::test_a_page_of_another_origin_may_not",),
    ),
    Mutant(
        "m-partner-http",
        "what a partner is refused is told in an answer that it reads",
        (
            Edit(
                "pgjobs/web/doors/partner/envelope.py",
                "problem.status if problem.status in TOLD_BY_HTTP",
                "problem.status if problem.status",
            ),
        ),
        (f"{PARTNER}/test_partner_contract.py::test_every_answer_has_http_status_200",),
    ),
    Mutant(
        "m-partner-leaving",
        "a caller that waits gets the GUID of its job when the process ends",
        (Edit("pgjobs/web/serve.py", "self._leaving.set()", "pass"),),
        (f"{PARTNER}/test_submitting.py::test_who_waits_gets_the_guid_when_the_process_ends",),
    ),
    Mutant(
        "m-schema-offline",
        "a JSON Schema fetches nothing",
        (Edit("pgjobs/web/schema.py", "offline=True", "offline=None"),),
        ("tests/doors/test_json_schemas.py::test_a_schema_fetches_nothing_that_is_there",),
    ),
    Mutant(
        "m-search-door",
        "a search finds no jobs of other doors, by their numbers neither",
        (Edit(f"{SEARCH_SQL}/matching_jobs.sql", "j.type::text = any ($2) and ", ""),),
        (f"{SEARCHES}::test_jobs_of_other_doors_are_not_found",),
    ),
    Mutant(
        "m-search-position",
        "the next page begins where the one before has ended, whatever was added",
        (Edit("pgjobs/web/doors/operations/search.py", "known.find(series, number)", "None"),),
        (f"{SEARCHES}::test_what_is_added_while_somebody_pages_moves_nothing",),
    ),
    Mutant(
        "m-search-formula",
        "no cell of a table begins like a formula",
        (
            Edit(
                "pgjobs/web/doors/operations/tables.py", "and not NUMBER.fullmatch(cell)", "and cell == FORMULA.pattern"
            ),
        ),
        (f"{SEARCHES}::test_a_table_has_a_line_for_each_row",),
    ),
    Mutant(
        "m-search-skip",
        "jobs that lie before a page are passed over by their counters",
        (Edit(f"{SEARCH_SQL}/walk_operations.sql", "_skip := _skip - _totals[_i];", "_skip := _skip - 1;"),),
        (f"{SEARCHES}::test_pages_are_numbered_and_end_with_nothing",),
    ),
)
