import dataclasses
import http.client
import os
import signal
import socket
import ssl
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import psutil
import pytest
import torch
from dask.system import CPU_COUNT

from mtbkd_core import load_task
from mtbkd_core.common.progress import Phase, UserError
from mtbkd_core.runs import connection as connection_module
from mtbkd_core.runs import engine as engine_module
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import store
from mtbkd_core.runs.engine import Engine, start_engine
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds import comparison
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import RunView, load_result, run_id
from mtbkd_core.runs.tls import TlsFiles, make_files
from tests.runs.support import command, computing, config, endless, eventually, finished, processes_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    return tmp_path_factory.mktemp("engine_home")


@pytest.fixture(autouse=True)
def own_home(shared_home, monkeypatch):
    """All tests here share one home folder, because they share one engine."""
    monkeypatch.setenv("MTBKD_HOME", str(shared_home))
    monkeypatch.delenv("MTBKD_SCHEDULER", raising=False)


@pytest.fixture(scope="module")
def engine(shared_home):
    """One engine with one worker, started as an app does: from a thread other than the main one, and not waited for."""
    with ThreadPoolExecutor(1) as thread, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTBKD_HOME", str(shared_home))
        patch.delenv("MTBKD_SCHEDULER", raising=False)
        patch.setattr(engine_module, "worker_count", lambda: 1)
        engine = thread.submit(start_engine).result()
    yield engine
    engine.close()
    assert processes_of(os.getpid()) == []


def kill_worker(run: RunView) -> None:
    os.kill(files.read_owner(run.folder).pid, signal.SIGKILL)


def test_a_run_submitted_while_the_engine_starts_is_queued_and_then_done(engine):
    assert engine.info().starting
    run = engine.submit(RUN, config(), by="someone")
    assert (run.state, run.reason, run.owners) == (State.QUEUED, None, {"someone"})
    done = finished(run)
    assert (done.state, done.reason, done.attempt) == (State.DONE, None, 1)
    assert done.progress[-1].fraction == 1.0
    # The teachers' training, if any, is reckoned apart.
    fractions = [one.fraction for one in done.progress if one.phase is not Phase.TEACHERS]
    assert fractions == sorted(fractions)
    assert load_result(run.id).config == config()
    info = engine.info()
    assert (info.workers, info.threads, info.starting, info.problem) == (1, min(4, CPU_COUNT), False, None)
    assert (info.queued, info.running) == (0, 0)


def test_the_same_configuration_submitted_many_times_at_once_runs_once(engine):
    with ThreadPoolExecutor(8) as threads:
        runs = list(threads.map(lambda _: engine.submit(RUN, config(seed=1)), range(16)))
    assert {run.id for run in runs} == {run_id(config(seed=1))}
    done = finished(runs[0])
    assert (done.state, done.attempt) == (State.DONE, 1)
    again = engine.submit(RUN, config(seed=1))
    assert (again.id, again.state, again.attempt) == (done.id, State.DONE, 1)
    assert len(list(done.folder.glob("progress.*"))) == 1


def test_a_running_run_is_cancelled_and_leaves_the_worker_free(engine):
    run = engine.submit(RUN, endless(2))
    computing(run)
    assert engine.info().running == 1
    assert engine.cancel(RUN, run.id).stopping
    cancelled = finished(run)
    assert (cancelled.state, cancelled.reason, cancelled.stopping) == (State.CANCELLED, None, False)
    assert cancelled.progress[-1].fraction < 1
    assert finished(engine.submit(RUN, config(seed=2))).state is State.DONE


def test_a_queued_run_is_cancelled_at_once_and_never_computed(engine):
    first = engine.submit(RUN, endless(3))
    computing(first)
    second = engine.submit(RUN, config(seed=4))
    third = engine.submit(RUN, config(seed=5))
    assert second.state is State.QUEUED
    assert engine.info().queued == 2
    assert engine.cancel(RUN, second.id).state is State.CANCELLED
    assert store.read(RUN, first.id).state is State.RUNNING
    engine.cancel(RUN, first.id)
    assert finished(third).state is State.DONE
    assert store.read(RUN, second.id).state is State.CANCELLED
    assert store.read(RUN, second.id).attempt == 0
    assert finished(engine.submit(RUN, config(seed=4))).state is State.DONE


def test_a_run_whose_worker_is_killed_goes_on_in_another_and_says_so(engine):
    run = engine.submit(RUN, config(seed=6, sampler__burn_in=10_000))
    computing(run)
    kill_worker(run)
    again = computing(run, attempt=2)
    assert again.reason == "attempt 1 ended without an error message (worker killed?); attempt 2 is running"
    done = finished(run)
    assert (done.state, done.attempt) == (State.DONE, 2)
    assert done.reason == "attempt 1 ended without an error message (worker killed?); attempt 2 finished"


def test_a_run_that_kills_every_worker_ends_as_crashed_and_harms_no_other(engine):
    run, behind = engine.submit(RUN, endless(7)), engine.submit(RUN, config(seed=8))
    for attempt in (1, 2, 3):
        computing(run, attempt)
        kill_worker(run)
    crashed = finished(run)
    assert (crashed.state, crashed.attempt) == (State.CRASHED, 3)
    assert crashed.reason.startswith("3 attempts ended without an error message")
    other = finished(behind)
    assert (other.state, other.attempt, other.reason) == (State.DONE, 1, None)


def test_a_comparison_is_cancelled_and_goes_on_where_it_was_after_its_worker_is_killed(engine):
    spec = comparison.comparison_spec(config(task="synthetic", teachers="north"), (0, 1))
    found = engine.submit(comparison.KIND, spec)
    assert engine.submit(comparison.KIND, spec).id == found.id

    def rows():
        view = store.read(comparison.KIND, found.id)
        assert not view.finished, view
        return view if view.rows.found else None

    running = eventually(rows)
    assert engine.info().running == 1
    kill_worker(running)
    eventually(lambda: store.read(comparison.KIND, found.id).attempt == 2)
    engine.cancel(comparison.KIND, found.id)
    eventually(lambda: store.read(comparison.KIND, found.id).finished)
    assert store.read(comparison.KIND, found.id).state is State.CANCELLED
    whole = list(store.read(comparison.KIND, found.id).rows.whole)
    engine.submit(comparison.KIND, spec)
    eventually(lambda: store.read(comparison.KIND, found.id).finished)
    done = store.read(comparison.KIND, found.id)
    assert done.state is State.DONE
    assert list(done.rows.whole) == [0, 1]
    assert whole == list(done.rows.whole)[: len(whole)]


def test_what_a_worker_cannot_even_begin_is_told(engine, monkeypatch):
    def broken(*arguments):
        raise ModuleNotFoundError("No module named 'mtbkd_core'")

    monkeypatch.setattr(engine_module, "_sent_by_value", lambda function: broken)
    failed = finished(engine.submit(RUN, config(seed=9)))
    assert (failed.state, failed.reason) == (State.FAILED, "ModuleNotFoundError: No module named 'mtbkd_core'")


def listening() -> list[Any]:
    """The addresses on which the engine's processes listen."""
    return [
        connection.laddr
        for process in processes_of(os.getpid())
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]


def test_nothing_listens_beyond_this_machine(engine):
    engine.wait()
    hosts = [address.ip for address in listening()]
    assert len(hosts) >= 3  # scheduler, nanny, worker
    assert set(hosts) == {"127.0.0.1"}


def test_no_port_of_the_engine_tells_by_http_what_runs(engine):
    engine.wait()
    answers = set()
    for port in {address.port for address in listening()}:
        for route in ("/json/counts.json", "/info/main/workers.html", "/metrics", "/"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            with closing(connection), suppress(OSError, http.client.HTTPException):  # those with TLS
                connection.request("GET", route)
                answers.add(connection.getresponse().status)
    assert answers == {404}


def test_no_port_of_the_engine_answers_without_its_certificate(engine, tmp_path):
    engine.wait()
    foreign = make_files(tmp_path)
    refused = 0
    for port in {address.port for address in listening()}:
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.settimeout(0.3)  # without TLS, Dask greets whoever connects
            with suppress(TimeoutError, ConnectionError):
                assert plain.recv(1) == b""
        for shown in (None, foreign):
            context = ssl._create_unverified_context()
            if shown is not None:
                context.load_cert_chain(shown.cert, shown.key)
            try:
                with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 2)) as link:
                    assert link.recv(1) == b""
            except TimeoutError:
                pass
            except ssl.SSLError as error:
                refused += any(word in str(error) for word in ("CERTIFICATE_REQUIRED", "UNKNOWN_CA"))
    assert refused >= 6  # scheduler, nanny and worker, each twice; the others speak no TLS
    assert not engine.info().is_open


def test_the_key_is_read_by_its_user_alone_and_stands_on_no_command_line(engine, shared_home):
    engine.wait()
    folder = next((shared_home / "engines").glob("*/tls.key")).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "tls.key").stat().st_mode) == 0o600
    lines = " ".join(command(process) for process in processes_of(os.getpid()))
    assert "tls.key" in lines
    assert "PRIVATE KEY" not in lines


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_run_is_refused_where_no_worker_has_one(engine):
    with pytest.raises(UserError, match="device: got 'cuda', but no worker has a GPU; allowed here: auto, cpu"):
        engine.submit(RUN, config(device="cuda"))
    assert store.create(RUN, config(device="cuda")).state is State.INTERRUPTED


def test_teachers_are_prepared_once(engine, monkeypatch):
    info = engine_module.task_info("digits")
    monkeypatch.setattr(engine_module, "task_info", lambda name: dataclasses.replace(info, teachers=info.teachers[:2]))
    engine.prepare("digits")
    first = eventually(lambda: engine._prepared["digits"])
    engine.prepare("digits")
    assert engine._prepared["digits"] is first
    for future in first:
        future.result(60)
    reports = []
    load_task("digits", teachers=[teacher.name for teacher in info.teachers[:2]], on_progress=reports.append)
    assert not [one for one in reports if "raining" in one.message]


def test_an_unknown_task_is_refused_in_one_line(engine):
    for call in (lambda: engine.submit(RUN, config(task="nonsense")), lambda: engine.prepare("nonsense")):
        with pytest.raises(UserError, match="nonsense"):
            call()


def test_a_second_app_finds_the_same_runs_on_the_same_workers(engine, shared_home):
    engine.wait()
    address = engine.info().address
    folder = next((shared_home / "engines").glob("*/tls.key")).parent
    other = Engine(address, tls=TlsFiles(folder / "tls.crt", folder / "tls.crt", folder / "tls.key"))
    try:
        run = other.submit(RUN, config(seed=10))
        assert engine.submit(RUN, config(seed=10)).id == run.id
        assert finished(run).state is State.DONE
        assert (other.info().workers, other.info().threads) == (1, None)
    finally:
        other.close()
    assert finished(engine.submit(RUN, config(seed=11))).state is State.DONE


def test_a_scheduler_that_does_not_answer_is_told_by_the_run_and_by_the_engine(monkeypatch):
    monkeypatch.setattr(connection_module, "_ANSWER_SECONDS", 0.3)
    monkeypatch.setenv("MTBKD_SCHEDULER", "tcp://127.0.0.1:9")
    engine = start_engine()
    try:
        failed = finished(engine.submit(RUN, config(seed=12)))
        assert failed.state is State.FAILED
        assert "no scheduler answers at tcp://127.0.0.1:9 (MTBKD_SCHEDULER)" in failed.reason
        assert "no scheduler answers" in engine.info().problem
        assert not engine.info().starting
    finally:
        engine.close()


def test_threads_that_are_no_number_are_refused_in_one_line(monkeypatch):
    for nonsense in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv("MTBKD_THREADS", nonsense)
        with pytest.raises(UserError, match="MTBKD_THREADS: got"):
            Engine()


def test_an_engine_whose_scheduler_was_killed_says_so_interrupts_its_runs_and_starts_anew(engine):
    engine.wait()
    lost, behind = engine.submit(RUN, endless(15)), engine.submit(RUN, config(seed=17))
    computing(lost)
    (scheduler,) = [process for process in processes_of(os.getpid()) if "distributed.Scheduler" in command(process)]
    scheduler.kill()
    assert "scheduler" in eventually(lambda: engine.info().problem)
    eventually(lambda: store.read(RUN, lost.id).state is State.INTERRUPTED)
    assert store.read(RUN, behind.id).state is State.INTERRUPTED
    assert engine.info().interrupted >= 2
    engine.start().wait()
    assert engine.info().problem is None
    assert finished(engine.submit(RUN, config(seed=17))).state is State.DONE
