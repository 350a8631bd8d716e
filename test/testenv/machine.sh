# The start of a machine. It is the first process in new namespaces for processes, mounts, network and names, and ends as
# the program pause. Its disk is that of the host, read only, with a layer of its own above it: $1/upper.
# $1: directory of the machine, $2: its name, $3: control group of its pods, the rest: programs to have in its PATH.
set -eu
home=$1 name=$2 cgroup=$3
shift 3
hostname "$name"
mkdir -p "$home/upper" "$home/work" "$home/root" "$home/containerd" "$home/etc"
mount -t overlay overlay -o "lowerdir=/,upperdir=$home/upper,workdir=$home/work" "$home/root"
cd "$home/root"

mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p run/lock etc/testenv etc/cni/net.d var/lib/containerd var/lib/kubelet usr/local/bin
# Container layers cannot lie on layers.
mount --bind "$home/containerd" var/lib/containerd
mount --bind "$home/etc" etc/testenv
mount --bind "$home/etc/cni" etc/cni/net.d
for program; do
	touch "usr/local/bin/${program##*/}"
	mount --bind "$program" "usr/local/bin/${program##*/}"
done

# The kubelet wants these settings, which are not its machine's alone: it is shown what it wants.
setting() { # setting PATH VALUE
	[ -e "proc/sys/$1" ] || return 0
	echo "$2" >"run/${1##*/}"
	mount --bind "run/${1##*/}" "proc/sys/$1"
}
setting vm/overcommit_memory 1
setting vm/panic_on_oom 0
setting kernel/panic 10
setting kernel/panic_on_oops 1
setting kernel/keys/root_maxkeys 1000000
setting kernel/keys/root_maxbytes 25000000
echo 1 >proc/sys/net/ipv4/ip_forward

mkdir run/old
pivot_root . run/old
umount -l /run/old
mount --make-rshared /
ip link set lo up
exec /usr/local/bin/pause </dev/null
