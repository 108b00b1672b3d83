"""The goals: the "Speed" table of issue 3, that level `landlock` is as fast, what the dispatcher adds, what MongoDB takes.

A row a bound.

They are for a quiet machine; nothing here fails a build.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """One bound on one measured value: at most it, or (`at_least`) no less than it."""

    what: str
    bound: float
    unit: str
    at_least: bool = False

    def met(self, measured: float) -> bool:
        return measured >= self.bound if self.at_least else measured <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g} {self.unit}"


GOALS = {
    "fork": Goal("fork to a jailed, pandas-ready child", 2, "x a bare fork"),
    "warm": Goal("print(1) through execute_code, pool warm", 3, "ms"),
    "warm.pool": Goal("of it the pool's part", 1.5, "ms"),
    "warm.jupyter": Goal("faster than a cold Jupyter start with the imports", 500, "x", at_least=True),
    "install.call": Goal("a call that imports a small package which is not installed", 3000, "ms"),
    "drained": Goal("print(1) through execute_code, pool drained", 15, "ms"),
    "drained.fork": Goal("the same", 5, "x a bare fork"),
    "throughput": Goal("fresh sandboxes a second", 0.75, "x a loop of fork+jail+exit", at_least=True),
    "chart": Goal("pandas describe and one PNG chart, fresh sandbox", 110, "ms"),
    "chart.bubblewrap": Goal("faster than a cold bubblewrapped run of it", 12, "x", at_least=True),
    "chart.rehearsal": Goal("the same", 0.8, "x without rehearsal in the zygote"),
    "levels.fork.namespaces": Goal("level namespaces: fork to a jailed child", 2, "x a bare fork"),
    "levels.fork.landlock": Goal("level landlock: the same", 2, "x a bare fork"),
    "levels.call": Goal("print(1), pool warm: level landlock", 1.05, "x level namespaces"),
    "memory.private": Goal("private memory of an idle pooled sandbox", 4, "MB"),
    "memory.machine": Goal("machine cost of one of 200 idle sandboxes", 5, "MB"),
    "crowd.call": Goal("print(1), pool warm, with 200 idle sandboxes", 1.5, "x without"),
    "counting.long": Goal("tokens of a long text", 1.15, "x bare tiktoken"),
    "counting.turn": Goal("tokens of the 200th turn of a chat", 0.05, "x counting it afresh"),
    "streaming.chat": Goal("a streamed argument of 2 MB, Chat Completions", 2.4, "x one of 1 MB"),
    "streaming.responses": Goal("the same, Responses", 2.4, "x one of 1 MB"),
    "mongodb.list": Goal("a user's list, p95, 100,000 files in MongoDB", 3, "x 100 files in it"),
    "mongodb.get": Goal("a record, the same", 3, "x 100 files in it"),
    "mongodb.load": Goal("a file loaded, the same", 3, "x 100 files in it"),
    "mongodb.status": Goal("the status of 100,000 files", 1000, "ms"),
    "mongodb.looked_at": Goal("documents that a query looks at", 1.1, "for each that it gives"),
    "mongodb.reserve": Goal("a reservation, 200,000 entries, a limit for all", 50, "ms"),
    "crowd.spawn": Goal("a sandbox made, with 200 idle sandboxes", 4, "x without"),
    "dispatch.call": Goal("print(1) through the dispatcher, over execute_code", 2, "ms"),
    "dispatch.shape": Goal("100 KB of output shaped, the slowest kind", 10, "ms"),
}
