#!/bin/sh
# Install the real servers and tools that the tests talk to: as root on Debian. Elsewhere: say what is missing.
set -eu

packages="snmpd snmp prometheus prometheus-alertmanager prometheus-blackbox-exporter iproute2 nftables tcpdump fping
iputils-ping procps chromium chromium-driver libpango-1.0-0 libpangoft2-1.0-0
libharfbuzz-subset0 systemd systemd-container debootstrap"

distribution=$(. /etc/os-release 2>/dev/null && echo "${ID:-}") || distribution=

# snmp_exporter: Debian 12 has a version before the language that the project reads. That of the unstable distribution
# is unpacked below .cache/peers by an apt with lists of its own; nothing of it is installed, and it needs no root.
fetch_snmp_exporter() {
    release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v release="$release" '$1 == release && $2 == "main" { print $3; exit }')
    [ -n "$mirror" ] || return 1
    mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/unpacked"
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb [signed-by=$keys] $mirror unstable main" >"$work/sources.list"
    cat >"$work/apt.conf" <<END
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$work/lists";
Dir::Cache "$work";
Dir::Cache::Archives "$work/archives";
APT::Sandbox::User "";
END
    (
        cd "$work"
        export APT_CONFIG="$work/apt.conf"
        apt-get -q update && apt-get -q download prometheus-snmp-exporter
    ) </dev/null >"$work/log" 2>&1 || { tail -3 "$work/log"; return 1; }
    dpkg-deb -x "$work"/prometheus-snmp-exporter_*.deb "$work/unpacked" || return 1
    mkdir -p "$peers"
    mv "$work/unpacked/usr/bin/prometheus-snmp-exporter" "$peers/snmp_exporter"
}

peers=$(cd "$(dirname "$0")/.." && pwd)/.cache/peers
if [ "$distribution" = debian ] && [ ! -x "$peers/snmp_exporter" ]; then
    echo "fetching the snmp_exporter that the tests compare with ..."
    work=$(mktemp -d)
    fetch_snmp_exporter || echo "snmp_exporter cannot be had: tests that compare with it are left out"
    rm -rf "$work"
fi

missing=
for package in $packages; do
    if ! command -v dpkg-query >/dev/null 2>&1 ||
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
        missing="$missing $package"
    fi
done
[ -n "$missing" ] || exit 0

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
