"""The recorder of docs/plans.md: what a row says of an outcome, and what the page says of its rows."""

from dataclasses import replace

from e2e.rig.plans import Case, Outcome
from truth.plans_rows import NOT_COME_TO, SEEN, body, row_of

GOOD = Outcome(Case("web", "runit", "true"), [{"title": "Stop it"}], [], 0.6, dict.fromkeys(SEEN, "yes"))


def test_a_plan_that_did_all_it_says() -> None:
    """The load gone in time, and every cell as it should be; a door that the plan named is no fault."""
    assert row_of(GOOD).right
    assert row_of(replace(GOOD, seen=GOOD.seen | {"after reboot": "as told"})).right


def test_a_plan_with_a_fault() -> None:
    """Whatever it is, and also where the run did not come to look."""
    assert not row_of(replace(GOOD, relieved_s=None)).right
    assert not row_of(replace(GOOD, seen=GOOD.seen | {"data same": "no"})).right
    row = row_of(replace(GOOD, seen={"carried out": "no: it failed"}))
    assert (row.right, row.seen) == (False, [NOT_COME_TO] * len(SEEN))


def test_the_page_counts_and_shows_what_went_otherwise() -> None:
    """At its top; and a fault stands out in its row."""
    page = body([row_of(GOOD), row_of(replace(GOOD, seen=GOOD.seen | {"undone": "no: x | y"}))], "a box")
    assert "2 plans on a box: 1 as they should be, 1 otherwise." in page
    assert "| runit | Stop it | 0.6 | yes | yes | yes | yes | yes | **no: x \\| y** |" in page
