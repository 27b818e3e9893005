from datetime import date

import pytest

from crmlab.contract import InputError
from crmlab.report import processes
from crmlab.report.plan import plan
from crmlab.report.published import Published
from tests.conftest import BASE, ROWS


def standing(job):
    """What a client has published, if only the record of one job."""
    entry = job.record("ok", None, {}, {}) | {"href": "x", "failed_href": None}
    return {job.client: Published(job.client, (entry,))}


def test_one_job_for_each_client_and_notebook(small):
    small.notebook("other")
    small.write("params/beta.yaml", BASE.replace("Acme", "Beta"))
    jobs = plan(small.project, {}).jobs
    assert [job.key for job in jobs] == [(c, n) for c in ("acme", "beta") for n in ("analysis", "other")]
    assert {job.as_of for job in jobs} == {date(2024, 3, 31)}
    assert len({job.fingerprint for job in jobs}) == 4
    assert jobs[0].injected == {"client": "acme", "as_of": "2024-03-31"}


def test_the_as_of_date_of_the_command_goes_before_the_clients(small):
    assert [job.as_of for job in plan(small.project, {}, as_of="2024-02-01").jobs] == [date(2024, 2, 1)]


def test_data_that_a_report_was_made_from_are_not_read_again(small, monkeypatch):
    (job,) = plan(small.project, {}).jobs
    monkeypatch.setattr(processes, "ask", lambda *_, **__: pytest.fail("the data were read"))
    assert plan(small.project, standing(job)).jobs == [job]
    with pytest.raises(pytest.fail.Exception):
        plan(small.project, standing(job), as_of="2024-02-01")
    small.write("data/acme/transactions.csv", ROWS + "5,2024-05-01,3\n")
    with pytest.raises(pytest.fail.Exception):
        plan(small.project, standing(job))


def test_new_data_move_the_latest_date(small):
    (job,) = plan(small.project, {}).jobs
    small.write("data/acme/transactions.csv", ROWS + "5,2024-05-01,3\n")
    (later,) = plan(small.project, standing(job)).jobs
    assert (job.as_of, later.as_of) == (date(2024, 3, 31), date(2024, 5, 1))


def test_needed_notebooks_come_first_and_come_along(small):
    small.notebook("analysis", needs=["zeta"])
    small.notebook("zeta", needs=["other"])
    small.notebook("other")
    names = [job.notebook.name for job in plan(small.project, {}, notebooks=["analysis"]).jobs]
    assert names == ["other", "zeta", "analysis"]


def test_what_became_of_needed_reports_is_part_of_a_fingerprint(small):
    (job,) = plan(small.project, {}).jobs
    states = [job, job.after({"other": "failed"}), job.after({"other": "a"}), job.after({"other": "b"})]
    assert len({each.fingerprint for each in states}) == 4
    assert job.after({"other": "a"}).fingerprint == states[2].fingerprint


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        ({"analysis": ["othr"]}, "notebooks/analysis.ipynb: needs othr, which is no notebook; did you mean other?"),
        ({"analysis": ["analysis"]}, "notebooks/analysis.ipynb: needs itself, by way of analysis"),
        ({"analysis": ["other"], "other": ["analysis"]}, "needs itself, by way of analysis and other"),
    ],
)
def test_needs_that_cannot_be_met(small, needs, message):
    for name in ("analysis", "other"):
        small.notebook(name, needs=needs.get(name, []))
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        plan(small.project, {})


def test_a_client_whose_input_is_wrong_has_no_job_and_spoils_no_other(small):
    small.write("params/beta.yaml", BASE + "engin: x\n")
    small.write("params/gamma.yaml", BASE.replace("acme/transactions.csv", "acme/none.csv"))
    found = plan(small.project, {}, workers=2)
    assert [job.client for job in found.jobs] == ["acme"]
    assert list(found.faults) == ["beta", "gamma"]
    assert "did you mean engine?" in found.faults["beta"]
    assert "no such file" in found.faults["gamma"]


def test_where_every_client_is_wrong_all_are_named(small):
    small.write("params/acme.yaml", BASE + "engin: x\n")
    small.write("params/beta.yaml", BASE + "engin: x\n")
    with pytest.raises(InputError, match="params/acme.yaml: engin is(.|\n)*params/beta.yaml: engin is"):
        plan(small.project, {})


def test_one_table_of_several_is_enough(small):
    small.notebook("either", tables=[], any_of=["contracts", "transactions"])
    small.notebook("neither", tables=[], any_of=["payments", "surveys"])
    reasons = {job.notebook.name: job.reason for job in plan(small.project, {}).jobs}
    assert reasons["either"] is None
    assert reasons["neither"] == "the client supplies none of the tables payments, surveys"


def test_a_table_that_is_missing_is_a_reason_not_to_run(small):
    small.notebook("analysis", tables=["transactions", "payments", "surveys"])
    (job,) = plan(small.project, {}).jobs
    assert job.reason == "the client supplies none of the tables payments, surveys"
