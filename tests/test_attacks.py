"""Hundreds of attacks on the wall, in every configuration: none wins, nothing outside is touched, and each bites elsewhere.

The rows are in tests/attacks, a file a category. A driver runs them all in a process of its own, once a configuration, as root
and as an ordinary user; the tests below read what it wrote.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.attacks.attack import Attack
from tests.attacks.catalogue import ATTACKS
from tests.ordinary_user import CHECKOUT, OrdinaryUser

LEVELS = ["namespaces", "landlock"]
POLICIES = ["sandbox-only", "strict"]
USERS = ["root", "ordinary"]

DRIVER_SECONDS = 200
MOST_LAG = 2.0  # seconds for which attacks kept the host's event loop from its work, on a machine that they keep busy


class Configuration(NamedTuple):
    level: str
    policy: str
    user: str

    def __str__(self) -> str:
        return f"{self.level}, {self.policy}, {self.user}"


CONFIGURATIONS = [Configuration(level, policy, user) for level in LEVELS for policy in POLICIES for user in USERS]
# The wall alone, each level and each user once; CI runs all of them, by `make attacks`.
IN_SUITE = {Configuration("namespaces", "sandbox-only", "root"), Configuration("landlock", "sandbox-only", "ordinary")}
Report = dict[str, Any]


def _marks(configuration: Configuration) -> list[pytest.MarkDecorator]:
    return [] if configuration in IN_SUITE else [pytest.mark.soak]


@pytest.fixture(scope="session")
def ordinary_user(built_venv: Path) -> Iterator[OrdinaryUser]:
    with OrdinaryUser(built_venv) as user:
        yield user


@pytest.fixture(scope="session")
def report_of(
    home: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[[Configuration], Report]:
    """The driver's report of a configuration, made when it is first asked for."""
    reports: dict[Configuration, Report] = {}

    def report(configuration: Configuration) -> Report:
        if configuration.user == "root" and os.geteuid() != 0:
            pytest.skip("the tests do not run as root")
        if configuration not in reports:
            python, options, place = [sys.executable], {"cwd": CHECKOUT}, home
            out = tmp_path_factory.mktemp("attacks") / "report.json"
            if configuration.user == "ordinary" and os.geteuid() == 0:
                user: OrdinaryUser = request.getfixturevalue("ordinary_user")
                python, options, place = user.python, user.options, user.home
                out = place / "report.json"
            arguments = ["--level", configuration.level, "--policy", configuration.policy, "--home", str(place)]
            reports[configuration] = _drive([*python, "-m", "tests.attacks.driver", *arguments], out, options)
        return reports[configuration]

    return report


@pytest.fixture(scope="session")
def report_outside(tmp_path_factory: pytest.TempPathFactory) -> Report:
    out = tmp_path_factory.mktemp("attacks") / "outside.json"
    return _drive([sys.executable, "-m", "tests.attacks.driver", "--outside"], out, {"cwd": CHECKOUT})


def _drive(command: list[str], out: Path, options: dict[str, Any]) -> Report:
    done = subprocess.run(
        [*command, "--out", str(out)], **options, capture_output=True, text=True, timeout=DRIVER_SECONDS
    )
    assert done.returncode == 0, done.stderr[-4000:]
    report: Report = json.loads(out.read_text())
    return report


def _attempts() -> Iterator[Any]:
    for configuration in CONFIGURATIONS:
        for attack in ATTACKS:
            name, marks = str(configuration), _marks(configuration)
            if attack.not_promised and attack.not_promised[0] in name:
                marks.append(pytest.mark.skip(reason=f"not promised: {attack.not_promised[1]}"))
            elif attack.unmended and attack.unmended[0] in name:
                marks.append(pytest.mark.xfail(strict=True, reason=attack.unmended[1]))
            yield pytest.param(configuration, attack, id=f"{name}: {attack.name}", marks=marks)


@pytest.mark.parametrize(("configuration", "attack"), list(_attempts()))
def test_an_attack_does_not_win(
    report_of: Callable[[Configuration], Report], configuration: Configuration, attack: Attack
) -> None:
    """Inside the sandbox it gets nothing, and neither the host nor another user suffers."""
    row = report_of(configuration)["attacks"][attack.name]
    assert not row["won"], row


@pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.name) for attack in ATTACKS if attack.bites is True])
def test_the_attack_wins_where_there_is_no_sandbox(report_outside: Report, attack: Attack) -> None:
    """What cannot succeed anywhere would prove nothing."""
    if attack.privileged and os.geteuid() != 0:
        pytest.skip("it needs root, and the tests do not run as root")
    row = report_outside["attacks"][attack.name]
    assert row["won"], row


@pytest.mark.parametrize(
    "configuration",
    [pytest.param(each, id=str(each), marks=_marks(each)) for each in CONFIGURATIONS],
)
def test_after_all_attacks_the_host_is_as_it_was(
    report_of: Callable[[Configuration], Report], configuration: Configuration
) -> None:
    """Its files, processes, sockets and limits, the other user's running cell, its descriptors; its loop was never held."""
    report = report_of(configuration)
    assert report["changes"] == []
    assert report["other_user"] == ""
    before, after = report["descriptors"]
    assert after == before
    assert report["lag"] < MOST_LAG


def test_there_are_attacks_of_every_category() -> None:
    """At least 120 that are shown to bite, and no category with fewer than ten."""
    biting = [attack for attack in ATTACKS if attack.bites is True]
    assert len(biting) >= 120
    count = {
        category: sum(attack.category == category for attack in biting) for category in {a.category for a in ATTACKS}
    }
    assert min(count.values()) >= 10 and len(count) == 11, count
