"""What cold caches cost on several machines: the lines of the page, over real ssh and scp."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb

from costs.conversations import Ask, write
from pages import PAGES, block
from remote.machines import PROGRAM, Here, write_program


def write_late_requests(claude_dir: Path, late: int) -> None:
    """A session of which so many requests came when the cache had expired."""
    asks = [Ask(900 * number, wrote_5m=10_000) for number in range(late + 1)]
    write(claude_dir / "projects/-p" / "session.jsonl", asks)


def test_the_pages_lines_make_one_table_of_all_machines(here: Here, tmp_path: Path) -> None:
    build = here.add("build")
    write_late_requests(build.claude_dir, 2)
    if build.account is not None:
        build.account.own(build.claude_dir / "projects")
    write_late_requests(Path(here.where.claude_dir), 1)
    write_program(here.folder / "bin" / PROGRAM, f'exec "{sys.executable}" -m claude_session_status "$@"')

    lines = block("# every machine's history in one folder")
    query = PAGES[".github/OTHER-MACHINES.md"].partition("```sql\n")[2].partition("```")[0]
    for _ in range(2):  # the second time adds nothing
        done = subprocess.run(["sh", "-ec", lines], cwd=tmp_path, env=os.environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        rows = duckdb.connect().execute(query.replace("'all-histories", f"'{tmp_path}/all-histories")).fetchall()
        assert rows == [("build", 3, 20_000), ("here", 2, 10_000)]
