#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what the files of deploy/ say against the programs and against each other, where no validator of their formats could:

- every ILLMREC_* variable is one that the programs know: another is refused at their start;
- pods, containers and units get longer to end than their service takes to drain;
- workloads run as nobody's root, without privileges, with limits, probes and a way to be called;
- Secrets and ConfigMaps that pods use are named as the overlay makes or documents them.

usage: scripts/check-deploy.py NAME=RENDERED.yaml...    overlays as kustomize renders them
"""

import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
# Of the services, in seconds, where nothing is set.
DEFAULTS = {"ILLMREC_SHUTDOWN_GRACE": 1, "ILLMREC_DRAIN_TIMEOUT": 30}


def known_variables() -> set[str]:
    source = (ROOT / "Sources/ServiceSupport/Configuration/EnvironmentVariables.swift").read_text()
    settings = source.partition("static let settings = [")[2].partition("]")[0]
    return {"ILLMREC_" + name.upper().replace("-", "_") for name in re.findall(r'"([a-z0-9-]+)"', settings)}


def unknown_variables() -> list[str]:
    known = known_variables()
    found = []
    for path in sorted(p for p in DEPLOY.rglob("*") if p.is_file() and "grafana" not in p.parts):
        for line in path.read_text().splitlines():
            # A comment may name one as an example of what is not meant.
            text = line if path.suffix == ".env" else line.partition("#")[0]
            for name in re.findall(r"\bILLMREC_[A-Z0-9_]+", text):
                if name not in known:
                    found.append(f"{path.relative_to(ROOT)}: {name} is no variable that the programs know")
    return found


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"([0-9.]+)(s|min|m|h)?", str(text)).groups()
    return float(number) * {None: 1, "s": 1, "min": 60, "m": 60, "h": 3600}[unit]


def drain(settings: dict[str, str]) -> float:
    return sum(float(settings.get(name, default)) for name, default in DEFAULTS.items())


def unit_problems() -> list[str]:
    found = []
    common = dict(l.split("=", 1) for l in (DEPLOY / "systemd/etc/settings.env").read_text().splitlines()
                  if l.startswith("ILLMREC_"))
    for unit in sorted((DEPLOY / "systemd").glob("*.service")):
        stop = seconds(re.search(r"^TimeoutStopSec=(\S+)$", unit.read_text(), re.M).group(1))
        if stop < drain(common) + 5:
            found.append(f"{unit.name}: TimeoutStopSec={stop:g}s is no more than the service takes to drain")
    return found


def compose_problems() -> list[str]:
    found = []
    stack = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    for name, service in stack["services"].items():
        if seconds(service["stop_grace_period"]) < drain(service.get("environment", {})) + 5:
            found.append(f"compose.yaml: {name} gets no more time to end than it takes to drain")
    return found


def workload_problems(name: str, documents: list[dict]) -> list[str]:
    found = []
    maps = {d["metadata"]["name"]: d.get("data", {}) for d in documents if d["kind"] == "ConfigMap"}
    services = {d["metadata"]["name"]: d["spec"] for d in documents if d["kind"] == "Service"}
    for document in documents:
        if document["kind"] not in ("Deployment", "StatefulSet", "CronJob"):
            continue
        spec = document["spec"]
        where = f"{name}: {document['kind']} {document['metadata']['name']}"
        template = spec["jobTemplate"]["spec"]["template"] if document["kind"] == "CronJob" else spec["template"]
        pod = template["spec"]
        container = pod["containers"][0]

        def require(holds: object, problem: str, where: str = where) -> None:
            if not holds:
                found.append(f"{where} {problem}")

        security = container.get("securityContext", {})
        require(pod["securityContext"].get("runAsNonRoot") and pod["securityContext"].get("runAsUser"), "may run as root")
        require(pod["securityContext"].get("seccompProfile", {}).get("type") == "RuntimeDefault", "has no seccomp profile")
        require(security.get("readOnlyRootFilesystem"), "can write its root file system")
        require(security.get("allowPrivilegeEscalation") is False, "can gain privileges")
        require(security.get("capabilities", {}).get("drop") == ["ALL"], "keeps capabilities")
        require(pod.get("automountServiceAccountToken") is False, "gets a token of the API")
        require({"cpu", "memory"} <= set(container.get("resources", {}).get("limits", {})), "has no limits")
        mounts, volumes = container["volumeMounts"], [v["name"] for v in pod.get("volumes", [])]
        claims = [c["metadata"]["name"] for c in spec.get("volumeClaimTemplates", [])]
        require({m["name"] for m in mounts} == set(volumes + claims), "mounts not all of its volumes, or others")
        if document["kind"] == "CronJob":
            continue
        settings = {}
        for source in container["envFrom"]:
            require(source["configMapRef"]["name"] in maps, f"reads {source['configMapRef']['name']}, which is not made")
            settings |= maps.get(source["configMapRef"]["name"], {})
        require(pod["terminationGracePeriodSeconds"] >= drain(settings) + 5, "gets no more time to end than it takes to drain")
        require(pod.get("enableServiceLinks") is False, "gets a variable for each Service")
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            require(container[probe]["httpGet"]["port"] == "http", f"has no {probe} by its HTTP port")
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        service = services.get(document["metadata"]["name"], {})
        require(service.get("clusterIP") == "None", "has no headless Service of its name")
        require({p["targetPort"]: p["port"] for p in service.get("ports", [])} == ports, "has other ports than its Service")
        labels = template["metadata"]["labels"]
        require(service.get("selector", {}).items() <= labels.items(), "is not selected by its Service")
        secure = "ILLMREC_TLS_CERTIFICATE" in settings
        require(secure != ("ILLMREC_INSECURE" in settings), "neither has TLS nor says that it does without")
        require(not secure or any(v.get("secret") for v in pod["volumes"]), "has TLS but no Secret")
    return found


def main() -> int:
    found = unknown_variables() + unit_problems() + compose_problems()
    for argument in sys.argv[1:]:
        name, _, path = argument.partition("=")
        found += workload_problems(name, [d for d in yaml.safe_load_all(pathlib.Path(path).read_text()) if d])
    print("\n".join(found) or "What deploy/ says fits the programs and itself.", file=sys.stderr if found else sys.stdout)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
