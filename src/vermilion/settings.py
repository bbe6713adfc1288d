"""Every setting, typed, with its unit in its name; unknown `VERMILION_*` names are refused at start."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "VERMILION_"
Role = Literal["all", "api", "worker", "engine"]

#: Names that the command line and `make` read; the server leaves them alone.
CLIENT_NAMES = {
    "VERMILION_URL": "The gateway that the command line talks to; else VERMILION_HOST and VERMILION_PORT.",
    "VERMILION_API_KEY": "The key that the command line uses; else the operator's of this place.",
    "VERMILION_PYTHON": "The Python that `make setup` builds its environment with.",
}


class SettingsError(Exception):
    """A setting is wrong; the message says which one and what to write instead."""


class Settings(BaseSettings):
    """How this process runs. Read from the environment once, then never changed."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    data_dir: Path = Field(Path("data"), description="Folder of the embedded database, media and key file.")
    public_url: str | None = Field(
        None, description="Origin that customers reach, for links; else the request's own."
    )
    operator_key: SecretStr | None = Field(
        None, description="The first operator's API key; else one is made and printed."
    )
    echo: bool = Field(False, description="Adds the echo provider, for tests.")
    egress_allow: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="Private networks (CIDR, comma-separated) that outbound fetches may reach."
    )
    pg_bin: Path | None = Field(
        None, description="Folder of PostgreSQL binaries to use instead of the wheel's."
    )
    database_url: SecretStr | None = Field(
        None,
        validation_alias="DATABASE_URL",
        description="A PostgreSQL server to use instead of the embedded one.",
    )
    database_connections_max: int = Field(12, ge=4, le=500, description="Connections this process may open.")
    media_url: str = Field("", description="file:///… or s3://bucket/prefix; empty is data_dir/media.")
    secret_key: SecretStr | None = Field(
        None, description="Master key (64 hex digits); else a file in data_dir."
    )
    role: Role = Field("all", description="Which parts this node runs.")
    node_name: str = Field("", description="A name for logs; else the host's.")
    lease_s: float = Field(10.0, ge=0.5, le=600, description="A node silent for this long loses its tasks.")
    engine_workers: int = Field(1, ge=1, le=64, description="Worker processes for local engines.")
    engine_memory_mib: int = Field(3072, ge=256, description="Memory bound of one engine worker.")
    engine_job_timeout_s: float = Field(
        1800,
        ge=1,
        description="Longest run of one local engine job; most engines have a shorter bound of their own.",
    )
    private_price_percent: int = Field(
        0,
        ge=0,
        le=100,
        description="What tasks on a customer's own connection cost, in percent of the price.",
    )
    media_check: Literal["off", "flag", "block"] = Field(
        "off",
        description="Pictures that are not safe for work: off does not look, flag keeps them for a person to see, "
        "block refuses them. Needs the engine pack guard on every node; plans may differ.",
    )
    media_check_score: float = Field(
        0.8, gt=0, le=1, description="The score from which on a picture counts as not safe for work."
    )
    imaginepro_units_per_credit: int = Field(
        45_000, ge=1, description="Units that one credit stands for in the ImaginePro face."
    )
    request_body_bytes_max: int = Field(20_000_000, ge=1024, description="Largest JSON body.")
    drain_timeout_s: float = Field(20.0, ge=0, description="Longest wait for work in hand at SIGTERM.")
    log_format: Literal["console", "json", "auto"] = Field("auto", description="auto: console on a terminal.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe line shown."
    )
    oidc_issuer: str = Field("", description="OpenID Connect issuer that people may sign in with.")
    oidc_client_id: str = Field("", description="This gateway's client id at the issuer.")
    oidc_client_secret: SecretStr | None = Field(None, description="This gateway's secret at the issuer.")
    oidc_name: str = Field("single sign-on", description="What the sign-in button calls the issuer.")
    smtp_url: SecretStr | None = Field(
        None, description="Mail server for notifications: smtp://user:password@host:587, or smtps://…"
    )
    mail_from: str = Field("vermilion@localhost", description="Sender of notifications by e-mail.")
    deliveries_kept_days: int = Field(
        30, ge=1, description="Days after which deliveries and notifications are forgotten."
    )
    testing: bool = Field(False, description="Allows test_* settings. Never set it in production.")
    test_fault: str = Field("", description="Kills this process at a named point (tests only).")
    test_echo_journal: Path | None = Field(None, description="File that notes each echo submit (tests only).")

    @property
    def origin(self) -> str:
        """Where this node is reached, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @field_validator("egress_allow", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip())
        return value

    @field_validator("secret_key")
    @classmethod
    def _is_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(bytes.fromhex(value.get_secret_value())) != 32:
            raise ValueError("expected 64 hex digits; make one with: openssl rand -hex 32")
        return value

    @field_validator("operator_key")
    @classmethod
    def _can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        secret = value.get_secret_value() if value is not None else "-"
        if not (1 <= len(secret) <= 200 and secret.isascii() and secret.isprintable() and " " not in secret):
            raise ValueError("expected 1 to 200 visible ASCII characters without spaces")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        url = urlsplit(value.get_secret_value() if value is not None else "smtp://host")
        if url.scheme not in ("smtp", "smtps") or not url.hostname:
            raise ValueError("expected smtp://user:password@host:port, or smtps://…")
        return value

    @model_validator(mode="after")
    def _tests_only(self) -> Settings:
        if not self.testing and (self.test_fault or self.test_echo_journal):
            raise ValueError("VERMILION_TEST_* settings need VERMILION_TESTING=1")
        return self


def load_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Settings from the environment. Raises SettingsError with one line for each wrong name or value."""
    environ = os.environ if environ is None else environ
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known_names())
    if unknown:
        raise SettingsError("\n".join(_unknown(name) for name in unknown))
    try:
        return Settings(**overrides)
    except ValidationError as wrong:
        raise SettingsError("\n".join(_wrong(error) for error in wrong.errors())) from None


def known_names() -> dict[str, str]:
    """Environment name to description, for `vermilion doctor` and the docs."""
    settings = {
        str(field.validation_alias or PREFIX + name.upper()): field.description or ""
        for name, field in Settings.model_fields.items()
    }
    return settings | CLIENT_NAMES


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, known_names(), n=1)
    return f"{name}: there is no such setting" + (f"; did you mean {close[0]}?" if close else ".")


def _wrong(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"])
    shown = name if name == "DATABASE_URL" else PREFIX + name.upper() if name else "settings"
    return f"{shown}: {error['msg']}"
