"""Environment variables: where their values come from, and which of them a service gets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from flowgate.domain import Config, ForkServerSettings, Program, Reference, Secret, Service, ServiceSettings
from flowgate.errors import UsageError
from flowgate.gateway import cliproxy, litellm, private_ca
from flowgate.gateway.proxy_exceptions import PROXIES, SPELLINGS, without_proxy

KEY_FILES = {
    litellm.MASTER_KEY: "litellm-master-key",
    cliproxy.UPSTREAM_KEY: "upstream-api-key",
    cliproxy.MANAGEMENT_KEY: "management-key",
}
INHERITED_VARIABLES = (
    *("PATH", "HOME", "LANG", "TZ", "LC_ALL", "TMPDIR"),
    *(*PROXIES, *SPELLINGS),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
)
IRRELEVANT_TO_IMPORTS = ("PATH", "TMPDIR")  # a shell with another PATH must not cause a new import of the app
MODULE_CACHE = ".flowgate-rehearsed.json"


def file_name(name: str) -> str:
    """Return the name of the file under `.router/secrets` that may contain the value of a variable."""
    return KEY_FILES.get(name, name.lower().replace("_", "-"))


@dataclass(frozen=True, slots=True)
class Variables:
    """Values of variables: from the command's environment, else from a file under `.router/secrets`.

    Attributes:
        environment: The command's own environment.
        secrets_folder: The folder that contains one file for each key.
        read_file: Reads a file; returns None if it is absent.
    """

    environment: Mapping[str, str]
    secrets_folder: Path
    read_file: Callable[[Path], str | None]

    def get(self, name: str) -> Secret | None:
        """Return the value of a variable; None if it is not set."""
        if self.environment.get(name):
            return Secret(self.environment[name])
        text = (self.read_file(self.file(name)) or "").strip()
        return Secret(text) if text else None

    def of_settings(self, config: Config) -> dict[str, Secret]:
        """Return the variables that LiteLLM's settings refer to, as LiteLLM gets them; those not set are left out."""
        own = config.services[litellm.NAME].env
        names = {one.name for one in config.references if not one.path.startswith("services.")}
        found = {name: self._of_service(own[name]) if name in own else self.get(name) for name in sorted(names)}
        return {name: value for name, value in found.items() if value is not None}

    def _of_service(self, written: str) -> Secret | None:
        if not written.startswith(litellm.PREFIX):
            return Secret(written)
        return self.get(written.removeprefix(litellm.PREFIX))

    def file(self, name: str) -> Path:
        """Return the file that may contain the value of a variable."""
        return self.secrets_folder / file_name(name)

    def unset_error(self, need: Reference) -> UsageError:
        """Return the error for a variable that is not set."""
        fix = f"export {need.name}=…, or write it to {self.file(need.name)}"
        return UsageError(f"the variable {need.name} is not set", place=need.place, fix=fix)

    def missing_keys(self, config: Config) -> list[str]:
        """List FlowGate's own keys that the gateway needs and that have not been generated."""
        names = set(KEY_FILES)
        if config.remote:  # its keys are those of the remote, which nobody here can generate
            names = {litellm.MASTER_KEY}
        elif not cliproxy.is_configured(config):
            names &= {litellm.MASTER_KEY, *(one.name for one in config.references)}
        return [name for name in KEY_FILES if name in names and self.get(name) is None]

    def for_program(self, service: Service, settings: ServiceSettings) -> Program:
        """Return a service's program with its whole environment; variables that are not set are left out.

        Args:
            service: The service.
            settings: Its settings in the config.

        Returns:
            The program.
        """
        program = service.program
        env = {name: Secret(self.environment[name]) for name in INHERITED_VARIABLES if name in self.environment}
        env |= program.env
        env |= {name: Secret(value) for name, value in settings.env.items() if not value.startswith(litellm.PREFIX)}
        env |= {name: value for name, value in program.env.items() if name == private_ca.VARIABLE}
        for reference in service.needs:
            if (value := self.get(reference.name)) is not None:
                env[_name_in_service(service, reference)] = value
        env = without_proxy(env, [f"http://{program.host}", *(document.text for document in service.documents)])
        if service.name == cliproxy.NAME and (key := self.get(cliproxy.MANAGEMENT_KEY)):
            env["MANAGEMENT_PASSWORD"] = key
        needs = {_name_in_service(service, reference) for reference in service.needs}
        return replace(program, env=env, fork_server=_with_import_variables(program, env.keys() - needs))


def _with_import_variables(program: Program, names: Collection[str]) -> ForkServerSettings | None:
    """Return the fork server's settings with the variables that can change what the app does when it is imported."""
    settings = program.fork_server
    if settings is None:
        return None
    irrelevant = {*IRRELEVANT_TO_IMPORTS, *(program.env.keys() - settings.import_variables)}
    return replace(settings, import_variables=tuple(sorted(set(names) - irrelevant)))


def _name_in_service(service: Service, reference: Reference) -> str:
    """Return the name under which the service gets a variable: `services.NAME.env` may rename it."""
    name = reference.path.rpartition(".")[2]
    return name if reference.path.startswith(f"services.{service.name}.env.") else reference.name
