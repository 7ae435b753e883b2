import errno
import json

import pytest

from mtbkd_core.common.progress import Phase, UserError
from mtbkd_core.runs import progress_log
from mtbkd_core.runs.progress_log import ProgressLog, read_last_progress, read_progress
from tests.runs.support import report


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

    monkeypatch.setattr(progress_log.time, "monotonic", lambda: Clock.now)
    return Clock


def steps(path):
    return [(one.phase, one.step) for one in read_progress(path)]


def test_at_most_ten_lines_a_second_and_the_last_is_never_lost(tmp_path, clock):
    path = tmp_path / "log"
    with ProgressLog(path) as log:
        for step in range(1000):
            log(report(step))
            clock.now += 0.001
    written = [step for _, step in steps(path)]
    assert written[0] == 0
    assert written[-1] == 999
    assert 10 <= len(written) <= 12


def test_the_first_and_last_report_of_each_phase_are_written(tmp_path, clock):
    path = tmp_path / "log"
    with ProgressLog(path) as log:
        for phase in Phase:
            for step in range(5):
                log(report(step, phase))
    assert steps(path) == [(phase, step) for phase in Phase for step in (0, 4)]


def test_reports_survive_the_file_unchanged(tmp_path):
    path = tmp_path / "log"
    with ProgressLog(path) as log:
        log(report(3))
    (read,) = read_progress(path)
    assert repr(read) == repr(report(3))  # repr: NaN differs from itself
    assert repr(read_last_progress(path)) == repr((read,))


def test_torn_and_foreign_lines_are_skipped(tmp_path):
    path = tmp_path / "log"
    with ProgressLog(path) as log:
        log(report(1))
    good = path.read_bytes()
    endless = good.replace(b'"step":1,', b'"step":Infinity,')
    assert endless != good
    path.write_bytes(good[:20] + b"\n" + good + b'{"phase": "no such"}\n[]\n7\n\xff\n' + good + endless + good[:-9])
    assert [step for _, step in steps(path)] == [1, 1]
    assert [one.step for one in read_last_progress(path)] == [1]


def test_a_line_is_read_once_it_is_whole(tmp_path):
    path = tmp_path / "log"
    with ProgressLog(path) as log:
        log(report(1))
    line = path.read_bytes()
    path.write_bytes(line + line[:30])
    assert len(read_progress(path)) == 1
    with path.open("ab") as file:
        file.write(line[30:] + line)
    assert len(read_progress(path)) == 3


def test_a_log_that_was_replaced_is_read_anew(tmp_path):
    path, other = tmp_path / "log", tmp_path / "other"
    for file, count in ((path, 3), (other, 2)):
        with ProgressLog(file) as log:
            for phase in list(Phase)[:count]:
                log(report(count, phase))
    assert len(read_progress(path)) == 3
    other.rename(path)
    assert [step for _, step in steps(path)] == [2, 2]


def test_no_log_is_no_progress(tmp_path):
    assert read_progress(tmp_path / "none") == ()
    assert read_last_progress(tmp_path / "none") == ()


def test_numbers_of_a_line_are_json_for_others_too(tmp_path):
    path = tmp_path / "log"
    with ProgressLog(path) as log:
        log(report(1))
    assert json.loads(path.read_text())["time"] > 1.7e9


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), 5])
def test_a_full_disk_is_told_in_one_line(tmp_path, fault):
    class Full:
        def write(self, data):
            if isinstance(fault, OSError):
                raise fault
            return fault

        def close(self):
            pass

    log = ProgressLog(tmp_path / "log")
    log._log._file.close()
    log._log._file = Full()
    with pytest.raises(UserError, match=r"log: cannot be written \(.*\)$"), log:
        log(report(1))


def test_a_folder_that_is_gone_is_told_in_one_line(tmp_path):
    with pytest.raises(UserError, match="cannot be written"):
        ProgressLog(tmp_path / "nowhere" / "log")
