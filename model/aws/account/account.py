"""An AWS account as the commands use it: clients made when they are needed, and a dry run that prints calls, makes none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from model.aws.account.dry_run import DryRun
from model.aws.account.refusals import explained
from model.predictors.sagemaker_client import NO_BOTO3, has_boto3
from tiles.errors import CloudError

if TYPE_CHECKING:
    import boto3

Tell = Callable[[str], None]
"""Told a line for people."""

_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 10, 60


class Account:
    """Where calls to AWS go. Nothing is imported or opened before the first client.

    Args:
        region: as "eu-central-1"; None takes what the environment or the profile says.
        profile: a profile of ~/.aws; None takes the default chain of credentials.
        dry_run: told every call in place of making it; None makes them.
        answers: what the calls of a dry run answer, by operation; see `DryRun`.
    """

    def __init__(
        self,
        region: str | None = None,
        profile: str | None = None,
        dry_run: Tell | None = None,
        answers: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._wanted = region, profile
        self._recorder = None if dry_run is None else DryRun(dry_run, answers or {})
        self._session: boto3.Session | None = None
        self._clients: dict[str, object] = {}

    @property
    def dry(self) -> bool:
        """Whether calls are only printed."""
        return self._recorder is not None

    @property
    def region(self) -> str:
        """The region.

        Raises:
            CloudError: none is set, or there is no such profile.
        """
        name: str = self.session.region_name
        return name

    @property
    def session(self) -> boto3.Session:
        """The session that all clients come from.

        Raises:
            CloudError: no region is set, or there is no such profile.
        """
        if self._session is None:
            if not has_boto3():
                raise CloudError(f"AWS {NO_BOTO3}")
            import boto3  # noqa: PLC0415 - a third of a second, which only these commands pay

            region, profile = self._wanted
            with explained("opening a session"):
                session = boto3.Session(region_name=region, profile_name=profile)
            if not session.region_name:
                raise CloudError(
                    "No AWS region is set: give --region, as eu-central-1, or set AWS_DEFAULT_REGION, or run `aws configure`."
                )
            if self._recorder is not None:
                self._recorder.listen(session.events)
            self._session = session
        return self._session

    def client(self, service: str) -> Any:
        """Return the client of a service, as "sagemaker" or "s3"; one a service.

        Raises:
            CloudError: as `session`.
        """
        if service not in self._clients:
            session = self.session
            from botocore.config import Config  # noqa: PLC0415

            with explained(f"opening {service}"):
                self._clients[service] = session.client(
                    service,
                    config=Config(
                        connect_timeout=_CONNECT_TIMEOUT_S,
                        read_timeout=_READ_TIMEOUT_S,
                        retries={"mode": "standard", "max_attempts": 4},
                        max_pool_connections=16,
                    ),
                )
        return self._clients[service]
