"""Every price, limit and path of token_counter that an operator may decide, in one place.

A value is taken from a keyword of Settings, then from the environment (`CELLBLOCK_` and the name in upper case; tables and
lists as JSON), then from `token_counter.toml` in the data directory, then from the default below.
"""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

from .errors import SettingsError

FILE = "token_counter.toml"

# A million tokens of the dearest model cost $600 (genai-prices 0.2.3, o1-pro): beyond this a price is a slip of the pen.
Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000)]


def _home() -> Path:
    return Path(platformdirs.user_data_dir("cellblock", appauthor=False))


class Price(BaseModel):
    """What a million tokens of a model cost, in dollars. None: as an uncached input token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_mtok: Dollars
    output_mtok: Dollars
    cached_mtok: Dollars | None = None
    cache_write_mtok: Dollars | None = None
    cache_write_12h_mtok: Dollars | None = None  # None: as cache_write_mtok
    source: str = ""


class Limit(BaseModel):
    """What may be spent in a day or month, of dollars or tokens or both.

    Attributes:
        each: "user": every user has this much; "all": all of them together.
        users: only these have it; it replaces what every user has for the same window and unit.
        thresholds: shares of the limit; when one is reached, the ledger's `on_threshold` is called.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    per: Literal["day", "month"]
    each: Literal["user", "all"] = "user"
    dollars: Dollars | None = None
    tokens: int | None = Field(None, ge=0, le=2**62)
    users: tuple[str, ...] = ()
    thresholds: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (0.8, 1.0)

    @model_validator(mode="after")
    def _says_something(self) -> "Limit":
        if self.dollars is None and self.tokens is None:
            raise ValueError("a limit needs dollars, tokens or both")
        if self.users and self.each == "all":
            raise ValueError('a limit of users is each = "user"')
        return self


class Settings(BaseSettings):
    """What an operator may decide about prices, budgets and reports."""

    model_config = SettingsConfigDict(env_prefix="CELLBLOCK_", frozen=True, extra="forbid", validate_default=True)

    home: Path = Field(default_factory=_home)  # as the interpreter's: plugin/config.py
    database: str | None = None  # None: SQLite in home

    report_timezone: str = "UTC"  # where days and months begin, in reports and budgets
    prices: dict[str, Price] = {}  # by model; `acme-*` stands for all that begin so
    fees: dict[str, Dollars] = {}  # dollars for one use of what is not tokens, such as "container"
    price_provider: str = "openai"  # whose price list of genai-prices
    budgets: tuple[Limit, ...] = ()
    # Where a reservation does not say how long the answer may be.
    reserve_output_tokens: int = Field(1000, ge=0, le=10**9)
    # After which one that nobody settled no longer counts; at most a month.
    reservation_seconds: float = Field(900, gt=0, le=31 * 86400)
    keep_requests: bool = False  # keep the bodies that `record` is given, for the export of exchanges

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None
        except SourceError as error:
            raise SettingsError(f"these settings cannot be used: {error}; tables and lists are JSON") from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _HomeFile(settings_cls)

    @field_validator("report_timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # of a directory, of a path out of the zones, of a name nobody knows
            raise ValueError("no IANA time zone; 'Europe/Berlin' is one") from None
        return name

    @property
    def zone(self) -> ZoneInfo:
        """Where days and months begin."""
        return ZoneInfo(self.report_timezone)


class _HomeFile(PydanticBaseSettingsSource):
    """`token_counter.toml` in the data directory that the sources before it name."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        path = Path(self.current_state.get("home") or _home()) / FILE
        try:
            with path.open("rb") as file:
                return tomllib.load(file)
        except FileNotFoundError:
            return {}
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"the settings in {path} cannot be read: {error}") from None


def _explain(error: ValidationError) -> str:
    lines = [f"{'.'.join(map(str, row['loc']))}: {row['msg']} (given: {row['input']!r})" for row in error.errors()]
    return f"these settings cannot be used: {'; '.join(lines)}"
