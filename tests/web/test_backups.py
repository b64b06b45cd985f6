"""The pages of backups and of the installation's health."""

from __future__ import annotations

import io
import subprocess
import tarfile

import pytest
from sqlalchemy import select

from csms import backups
from csms.domain.accounts import AuditEntry, Role


def test_a_backup_is_made_downloaded_and_deleted(visitor, session, app):
    if reason := backups.why_not():
        pytest.skip(reason)
    olga = visitor().log_in()
    before = {x.name for x in backups.listed()}
    page = olga.text(olga.post("/settings/backups").headers["Location"])
    assert "The backup is made" in page
    [name] = {x.name for x in backups.listed()} - before
    got = olga.post(f"/settings/backups/{name}/download")
    assert name in got.headers["Content-Disposition"]
    with tarfile.open(fileobj=io.BytesIO(got.get_data())) as archive:
        assert archive.getnames()[0] == "about.json"
    got.close()
    assert olga.post(f"/settings/backups/{name}/remove").status_code == 302
    assert name not in olga.text("/settings/backups")
    session.rollback()
    assert {"backup.made", "backup.downloaded", "backup.removed"} <= set(
        session.scalars(select(AuditEntry.action))
    )


def test_one_is_ordered_to_be_put_back_and_left(visitor):
    if reason := backups.why_not():
        pytest.skip(reason)
    olga = visitor().log_in()
    olga.post("/settings/backups")
    name = backups.listed()[0].name
    page = olga.text(olga.post(f"/settings/backups/{name}/restore").headers["Location"])
    assert f"{name} is put back when the server starts next" in page
    page = olga.text(olga.post("/settings/backups/restore/cancel").headers["Location"])
    assert "is put back when the server starts next" not in page
    olga.post(f"/settings/backups/{name}/remove")


def test_one_that_lay_elsewhere_is_uploaded(visitor):
    if reason := backups.why_not():
        pytest.skip(reason)
    olga = visitor().log_in()
    olga.post("/settings/backups")
    name = backups.listed()[0].name
    got = olga.post(f"/settings/backups/{name}/download")
    content = got.get_data()
    got.close()
    olga.post(f"/settings/backups/{name}/remove")
    for given, words in ((content, "among the backups now"), (b"a letter", "mine.tar.gz is no backup")):
        form = {"file": (io.BytesIO(given), "mine.tar.gz")}
        told = olga.post("/settings/backups/upload", form, content_type="multipart/form-data")
        assert words in olga.text(told.headers["Location"])
    assert [x.name for x in backups.listed()].count(name) == 1
    assert not list(backups.directory().glob("*.part"))
    olga.post(f"/settings/backups/{name}/remove")


def test_what_is_uploaded_takes_no_other_backups_place(visitor, tmp_path):
    if reason := backups.why_not():
        pytest.skip(reason)
    olga = visitor().log_in()
    kept = backups.make()
    content = kept.read_bytes()
    cut = content[: len(content) // 2]
    subprocess.run(["tar", "--extract", "--file", kept], cwd=tmp_path, check=True)
    again = io.BytesIO()
    with tarfile.open(fileobj=again, mode="w:gz", compresslevel=1) as archive:
        for path in sorted(tmp_path.iterdir()):
            archive.add(path, path.name)
    before = {x.name for x in backups.listed()}
    words = "among the backups now"
    for given, is_taken, more in ((content, True, 0), (cut, False, 0), (again.getvalue(), True, 1)):
        form = {"file": (io.BytesIO(given), "mine.tar.gz")}
        told = olga.post("/settings/backups/upload", form, content_type="multipart/form-data")
        page = olga.text(told.headers["Location"])
        assert (words in page) == is_taken
        assert ("mine.tar.gz" in page) == (not is_taken)
        assert len({x.name for x in backups.listed()} - before) == more
        assert kept.read_bytes() == content
    for name in {x.name for x in backups.listed()} - before | {kept.name}:
        olga.post(f"/settings/backups/{name}/remove")


def test_no_other_file_can_be_had_by_this_way(visitor):
    olga = visitor().log_in()
    for name in ("secret_key", ".lock", "amberline-20260101-000000.tar.gz"):
        assert olga.post(f"/settings/backups/{name}/download").status_code == 404


def test_health_says_what_is_to_be_done(visitor, app):
    olga = visitor().log_in()
    page = olga.text("/settings/health")
    for words in ("Version", "Its schema", "Redis", "GB free", "Mails to be sent"):
        assert words in page
    if not backups.listed():
        assert "Make one now" in page


def test_both_are_the_owners_matter(visitor):
    operator = visitor().log_in(Role.OPERATOR)
    for path in ("/settings/backups", "/settings/health"):
        assert operator.get(path).status_code == 404
