#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Starts what deploy/ describes, with the programs of an unpacked release archive, in a Debian 12 made for it:
#
# - the images, built by Debian's buildah with that Debian in place of debian:12-slim; the retrieval service runs in its image until its
#   health check succeeds, and refuses to start without TLS before that;
# - the units, under a systemd that systemd-nspawn boots, sandboxes and all: each service gets ready and ends well when it is told to. With
#   CHECKPOINT=FOLDER, a small checkpoint, these are all four, else the retrieval service alone.
#
# Needs root, for chroot and namespaces, and Debian's packages; MIRROR names where they come from. What is not installed is skipped and named.
#
# usage: scripts/check-deploy-runs.sh FOLDER-WITH-bin-AND-licences
set -euo pipefail
programs=$(realpath "$1")
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "Not checked: that images and units start (that needs root)."; exit 0; }
command -v debootstrap >/dev/null || { echo "Not checked: that images and units start (debootstrap is not installed)."; exit 0; }
mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Codename: bookworm' | head -1)}
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT

echo "== Making a Debian 12 in $work"
root=$work/debian
debootstrap --variant=minbase bookworm "$root" "$mirror" >"$work/log" || { tail "$work/log"; exit 1; }
cp /etc/resolv.conf "$root/etc/"
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"

check_images() {
  export TMPDIR=$work
  # Nothing is fetched and nothing of it stays.
  local buildah=(buildah --root "$work/images" --runroot "$work/images-run" --storage-driver overlay)
  local policy=(--signature-policy "$work/policy.json")
  echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$work/policy.json"
  local container
  container=$("${buildah[@]}" from "${policy[@]}" scratch)
  "${buildah[@]}" add -q "$container" "$root" / >/dev/null
  "${buildah[@]}" commit "${policy[@]}" -q "$container" docker.io/library/debian:12-slim >/dev/null
  for target in encoder llm retrieval gateway cli; do
    "${buildah[@]}" bud "${policy[@]}" --pull-never --format docker --isolation chroot --layers --build-context "programs=$programs" \
      -f deploy/docker/Dockerfile --target $target -t illmrec-$target . >"$work/log" 2>&1 || { tail -20 "$work/log"; exit 1; }
    echo "The image of $target is built."
  done
  container=$("${buildah[@]}" from "${policy[@]}" localhost/illmrec-cli)
  "${buildah[@]}" run --isolation chroot "$container" -- /usr/bin/illmrec --version
  container=$("${buildah[@]}" from "${policy[@]}" localhost/illmrec-retrieval)
  local status=0
  "${buildah[@]}" run --isolation chroot "$container" -- /usr/bin/illmrec-retrieval >"$work/log" 2>&1 || status=$?
  [ $status = 64 ] && grep -q -- --tls-certificate "$work/log" || { echo "It did not refuse to start without TLS:"; cat "$work/log"; exit 1; }
  "${buildah[@]}" run --isolation chroot "$container" -- bash -euc '
    [ "$(id -u)" = 10001 ]
    export ILLMREC_INSECURE=true ILLMREC_PORT=0 ILLMREC_HTTP_PORT=19178
    /usr/bin/illmrec-retrieval & service=$!
    for _ in $(seq 300); do /usr/bin/illmrec-ready >/dev/null && break; sleep 0.2; done
    /usr/bin/illmrec-ready
    kill -TERM $service
    wait $service' 2>"$work/log" || { cat "$work/log"; exit 1; }
  echo "The retrieval service gets healthy in its image as the user 10001, and ends well."
}

check_units() {
  local services=(retrieval) ports=(9103)
  if [ -n "${CHECKPOINT:-}" ]; then
    services=(retrieval encoder llm gateway) ports=(9103 9101 9102 9100)
    mkdir -p "$root/srv/illmrec"
    cp -r "$CHECKPOINT" "$root/srv/illmrec/checkpoint"
    chmod -R a+rX "$root/srv/illmrec"
  fi
  unshare --mount --pid --fork bash -euc '
    mount --make-rprivate /
    mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev"
    exec chroot "$0" env -i "PATH=$PATH" DEBIAN_FRONTEND=noninteractive bash -euc "
      apt-get update -qq
      apt-get install -y -qq --no-install-recommends systemd curl $1 >/dev/null 2>&1"' \
    "$root" "$(grep -vE '^\s*(#|$)' packages-runtime.txt | tr '\n' ' ')"
  # As docs/deployment.md has them installed.
  cp "$programs"/bin/* "$root/usr/local/bin/"
  cp deploy/systemd/*.service deploy/systemd/*.target "$root/etc/systemd/system/"
  install -D -m 0644 deploy/systemd/illmrec.sysusers.conf "$root/usr/lib/sysusers.d/illmrec.conf"
  mkdir -p "$root/etc/illmrec"
  cp deploy/systemd/etc/*.env "$root/etc/illmrec/"
  cat >"$root/etc/systemd/system/check.service" <<'IN'
[Service]
Type=oneshot
ExecStart=/usr/local/bin/check
StandardOutput=file:/check.log
StandardError=file:/check.log
[Install]
WantedBy=multi-user.target
IN
  cat >"$root/usr/local/bin/check" <<IN
#!/bin/bash
trap 'systemctl poweroff' EXIT
systemctl start ${services[*]/#/illmrec-}
for port in ${ports[*]}; do
  for _ in \$(seq 120); do curl -sf -o /dev/null http://127.0.0.1:\$port/readyz && continue 2; sleep 1; done
  echo "port \$port never got ready"
  journalctl --no-pager -n 100
  exit
done
systemctl stop ${services[*]/#/illmrec-}
for service in ${services[*]}; do
  [ "\$(systemctl show -P Result illmrec-\$service)" = success ] || { echo "\$service failed"; journalctl --no-pager -n 100; exit; }
  [ "\$(systemctl show -P User illmrec-\$service)" = illmrec-\$service ] || { echo "\$service ran as another user"; exit; }
done
touch /check.passed
IN
  chmod +x "$root/usr/local/bin/check"
  chroot "$root" systemctl enable -q check.service
  timeout 600 systemd-nspawn --register=no --keep-unit -D "$root" --boot --console=pipe >"$work/log" 2>&1 || true
  [ -e "$root/check.passed" ] || { cat "$root/check.log" "$work/log"; exit 1; }
  echo "Under systemd these get ready in their sandboxes, and end well: ${services[*]}."
}

if command -v buildah >/dev/null; then
  echo "== Images"
  check_images
else
  echo "Not checked: the images (buildah is not installed)."
fi
if command -v systemd-nspawn >/dev/null; then
  echo "== Units"
  check_units
else
  echo "Not checked: that units start (systemd-nspawn, of Debian's systemd-container, is not installed)."
fi
