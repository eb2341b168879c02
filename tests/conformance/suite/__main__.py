"""Runs everything, or only the groups that are named. Last line: `N passed, N failed`."""

import asyncio
import importlib
import pkgutil
import sys
import time

import cases

from . import vectors


class Report:
    """Counts, and prints as things come in."""

    def __init__(self):
        self.passed = self.failed = 0
        self.begun = time.monotonic()

    def __call__(self, what, problem, seconds=0.0):
        took = f"  ({seconds:.1f} s)" if seconds >= 5 else ""
        if problem is None:
            self.passed += 1
            print(f"ok      {what}{took}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {what}{took}\n{problem}", flush=True)


async def main(wanted):
    report = Report()
    names = [it.name for it in pkgutil.iter_modules(cases.__path__)]
    if unknown := set(wanted) - {*names, "vectors"}:
        sys.exit(f"no such group: {', '.join(unknown)}; there are: vectors {' '.join(names)}")
    modules = [importlib.import_module(f"cases.{it}") for it in names if not wanted or it in wanted]
    runs = [module.GROUP.run(report) for module in modules]
    figures = None
    if not wanted or "vectors" in wanted:
        figures, *_ = await asyncio.gather(vectors.run(report), *runs)
    else:
        await asyncio.gather(*runs)
    seconds = time.monotonic() - report.begun
    if figures:
        print("figure: " + ", ".join(f"{count} {name}" for name, count in figures.items()))
    print(f"figure: {report.passed + report.failed} checks in {seconds:.0f} seconds")
    print(f"{report.passed} passed, {report.failed} failed", flush=True)
    sys.exit(report.failed != 0)


asyncio.run(main(sys.argv[1:]))
