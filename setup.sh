#!/usr/bin/env bash
# Installs what a checkout needs: Debian packages by name, npm packages by the lockfile. Quick when nothing is missing.
# `setup.sh test` also what the tests need: the tools of all dataplanes, a second kernel in QEMU, a real API server, promtool.
set -euo pipefail
cd "$(dirname "$0")"
stage=${1:-start}

# command:package, for each tool that the dataplane and the lab call
tools=(nft:nftables ip:iproute2 nsenter:util-linux clang:clang)
if [ "$stage" = test ]; then
  tools+=(iptables-restore:iptables ipset:ipset ipvsadm:ipvsadm strace:strace sysctl:procps runc:runc)
fi
# file:package, for each library and header
files=(/usr/include/bpf/bpf_helpers.h:libbpf-dev "/usr/lib/$(uname -m)-linux-gnu/libbpf.so.1:libbpf1")

missing=()
for tool in "${tools[@]}"; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "${tool%%:*}" > /dev/null || missing+=("${tool##*:}")
done
for file in "${files[@]}"; do
  [ -e "${file%%:*}" ] || missing+=("${file##*:}")
done
if [ "${#missing[@]}" -gt 0 ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
    echo "setup: please install: ${missing[*]} (on Debian, as root: apt-get install ${missing[*]})" >&2
    exit 1
  fi
  echo "setup: installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null 2>&1 || {
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
  }
fi

stamp=node_modules/.portolan-setup
wanted=$(sha256sum < package-lock.json | cut -d' ' -f1)
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ]; then
  echo "setup: installing npm packages (about half a minute)"
  npm ci --no-audit --no-fund --loglevel=error
  echo "$wanted" > "$stamp"
fi

bash native/bpf/compile.sh

if [ "$stage" = test ]; then
  node_modules/.bin/node test/vm/provide-now.ts
  node_modules/.bin/node test/real-api-server/provide-now.ts
  node_modules/.bin/node test/promtool/provide-now.ts
fi
