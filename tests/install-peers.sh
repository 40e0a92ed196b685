#!/bin/sh
# Install the real servers and tools that the tests talk to: as root on Debian. Elsewhere: say what is missing.
set -eu

packages="snmpd snmp prometheus prometheus-alertmanager prometheus-blackbox-exporter iproute2 nftables tcpdump fping
iputils-ping procps chromium chromium-driver systemd systemd-container debootstrap"

missing=
for package in $packages; do
    if ! command -v dpkg-query >/dev/null 2>&1 ||
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
        missing="$missing $package"
    fi
done
[ -n "$missing" ] || exit 0

distribution=$(. /etc/os-release 2>/dev/null && echo "${ID:-}") || distribution=
if [ "$distribution" != debian ]; then
    echo "This is no Debian: tests that need these Debian packages, or root, are left out and named at the end:"
    echo " $missing"
    exit 0
elif [ "$(id -u)" != 0 ]; then
    echo "Without root: tests that need root, or a package that is missing, are left out and named at the end."
    echo "This installs the packages:  sudo apt install$missing"
    exit 0
fi

# The packages must not start their daemons: the tests start their own. Debian's way of saying so is policy-rc.d.
guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
    trap 'rm -f "$guard"' EXIT
    trap 'exit 1' INT TERM
    printf '#!/bin/sh\nexit 101\n' > "$guard"
    chmod 755 "$guard"
fi

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
apt() { apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" </dev/null >"$log" 2>&1; }

echo "installing what the tests talk to:$missing ..."
# shellcheck disable=SC2086 # a list of words
apt install $missing || { apt update && apt install $missing; } || {
    cat "$log" >&2
    echo "apt-get could not install:$missing" >&2
    rm -f "$log"
    exit 1
}
rm -f "$log"
