"""Every benchmark starts: it is run as far as its options, and the cheapest one to its end, with tiny sizes."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if "ArgumentParser" in path.read_text(encoding="utf-8"))


def run(name: str, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run one as its command line does."""
    monkeypatch.setattr(sys, "argv", [name, *options])
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")


@pytest.mark.parametrize("name", NAMES)
def test_it_reads_its_options(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(name, ("--help",), monkeypatch)
    assert ended.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_the_stores_benchmark_runs_with_tiny_sizes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("bench_store", ("--rows", "300", "--patched", "256", "--seconds", "0.01"), monkeypatch)
    assert "in the middle" in capsys.readouterr().out


def test_the_benchmark_of_merged_lists_runs_with_tiny_sizes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("bench_merged", ("--sessions", "1200", "--rounds", "1"), monkeypatch)
    assert "jump : floor" in capsys.readouterr().out


def test_the_benchmark_of_the_past_runs_with_tiny_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("bench_past", ("--rows", "1000", "--changes", "20", "--rounds", "1", "--cache", str(tmp_path)), monkeypatch)
    assert "then : now" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "option"), [("bench_store", "--patched"), ("bench_redis", "--rows")])
def test_sizes_that_are_too_small_are_refused_by_name(
    name: str, option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(name, (option, "100"), monkeypatch)
    assert ended.value.code == 2
    assert f"{option} 100 is too few" in capsys.readouterr().err
