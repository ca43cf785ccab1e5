# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Which modules DKMS builds. Sourced after tests/lib/ktap.sh.

# _dkms_conf: BUILT_MODULE_NAME and DEST_MODULE_NAME of dkms.conf.
_dkms_conf() {
	# shellcheck disable=SC2034 # dkms.conf has them
	local kernel_source_dir='' kernelver='' dkms_tree=''
	# shellcheck source=dkms.conf
	. "$(dirname "${BASH_SOURCE[0]}")/../../../dkms.conf"
}

# dkms_modules: the names of their files, as modprobe takes them.
dkms_modules() (
	_dkms_conf
	for i in "${!BUILT_MODULE_NAME[@]}"; do
		echo "${DEST_MODULE_NAME[i]:-${BUILT_MODULE_NAME[i]}}"
	done
)

# module_name FILE: what the kernel calls the module in it.
module_name() { echo "${1#rblk-}"; }

# drivers_of FILE: the drivers in it.
drivers_of() {
	case $1 in
	rblk) echo ram pktcdvd nbd ubd ;;
	*) module_name "$1" ;;
	esac
}
