# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Packages from Debian's backports suite without touching the system's apt
# files: sources, lists, cache and status are our own, the mirror is the
# machine's own, and signatures are verified with the Debian archive keyring.

RBLK_SUITE=${RBLK_SUITE:-trixie-backports}
RBLK_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
_apt_dir=$RBLK_CACHE/apt

_apt_opts=(
	-o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$_apt_dir/parts"
	-o "Dir::State::Lists=$_apt_dir/lists" -o "Dir::Cache=$_apt_dir/cache"
	-o "Dir::State::Status=$_apt_dir/status" -o "APT::Sandbox::User="
)

_apt_mirror() {
	# shellcheck disable=SC2016 # apt's own placeholders
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
		'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1
}

_apt_private_update() {
	local site
	may_fetch "packages from $RBLK_SUITE"
	if [ -n "$(find "$_apt_dir/updated" -mmin -60 2>/dev/null)" ]; then
		return
	fi
	[ -r "$RBLK_KEYRING" ] || die "no $RBLK_KEYRING: install debian-archive-keyring"
	site=$(_apt_mirror)
	[ -n "$site" ] || die "apt knows no Debian mirror (run 'apt-get update' first);" \
		"or set LINUX_SRC= to a kernel source tree and RUST_LIB_SRC= to rustc's library source"
	mkdir -p "$_apt_dir"/{parts,lists/partial,cache/archives/partial}
	: >"$_apt_dir/status"
	cat >"$_apt_dir/parts/rblk.sources" <<-EOF
		Types: deb
		URIs: $site
		Suites: $RBLK_SUITE
		Components: main
		Signed-By: $RBLK_KEYRING
	EOF
	step "reading the package lists of $RBLK_SUITE" 0 apt-get "${_apt_opts[@]}" update
	touch "$_apt_dir/updated"
}

# apt_private_update: make the configuration and fetch the suite's lists, at
# most once an hour.
apt_private_update() { locked package-lists _apt_private_update; }

# apt_private_versions PACKAGE: its versions in the suite, newest first.
apt_private_versions() {
	apt-cache "${_apt_opts[@]}" madison "$1" | awk -F'|' '{ gsub(/ /, "", $2); print $2 }' |
		sort -uVr
}

# apt_private_unpack PACKAGE=VERSION DIRECTORY
apt_private_unpack() {
	local tmp ret=0
	tmp=$(mktemp -d "$RBLK_CACHE/deb.XXXXXX")
	(cd "$tmp" && step "downloading $1" 0 apt-get "${_apt_opts[@]}" download "$1") ||
		{ rm -rf "$tmp"; return 1; }
	mkdir -p "$2" && dpkg -x "$tmp"/*.deb "$2" || ret=$?
	rm -rf "$tmp"
	return "$ret"
}
