import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from broker.cli.app import app


def _from_client_tests(name: str) -> ModuleType:
    """A module of the SDK's tests, wherever pytest put its root."""
    path = Path(__file__).parent.parent / "client" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"sdk_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


fake_broker = _from_client_tests("fake_broker")
samples = _from_client_tests("samples")
says = fake_broker.says
refuses = fake_broker.refuses
serves = fake_broker.serves
streams = fake_broker.streams

Fairlead = Callable[..., Result]


def posted(broker: Any) -> list[Any]:
    """The bodies that the command sent."""
    return [seen.json for seen in broker.seen if seen.method == "POST"]


@pytest.fixture
def broker() -> Iterator[Any]:
    fake = fake_broker.FakeBroker()
    yield fake
    fake.stop()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration directory of the test's own, and nothing in the environment."""
    for name in ("FAIRLEAD_URL", "FAIRLEAD_TOKEN", "FAIRLEAD_DEBUG", "FAIRLEAD_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def fairlead(broker: Any, monkeypatch: pytest.MonkeyPatch) -> Fairlead:
    """Runs the command against the fake broker, with a token."""
    monkeypatch.setenv("FAIRLEAD_URL", broker.url)
    monkeypatch.setenv("FAIRLEAD_TOKEN", "flt_secret")

    def run(*args: str, input: str | None = None) -> Result:
        return CliRunner().invoke(app, args, input=input)

    return run
