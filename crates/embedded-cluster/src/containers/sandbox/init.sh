# The first process of a container: it puts the container's root together, leaves this machine's behind, says so and waits.
# Arguments: the loader of this machine's programs, then source, target and mode (rw, ro) of each mount.
# It works in the container's folder and uses paths relative to it, because the folders above need not let it pass.
set -e
loader=$1
shift
mount_root() {
    mount -c -t overlay overlay -o "lowerdir=lower,upperdir=$1upper,workdir=$1work" root 2>/dev/null
}
if ! mount_root ""; then
    # The changed files cannot be kept on this file system: they are kept in memory.
    mount -c -t tmpfs tmpfs scratch
    mkdir scratch/upper scratch/work
    mount_root scratch/
fi
mkdir -p root/proc root/dev root/etc root/tmp
mount -c -t proc proc root/proc
mount -c -t tmpfs -o mode=755 tmpfs root/dev
mkdir root/dev/pts root/dev/shm root/dev/before
for device in null zero full random urandom tty; do
    : > "root/dev/$device"
    mount -c --bind "/dev/$device" "root/dev/$device"
done
mount -c -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts root/dev/pts && ln -s pts/ptmx root/dev/ptmx
mount -c -t tmpfs -o mode=1777 tmpfs root/dev/shm
ln -s /proc/self/fd root/dev/fd
ln -s /proc/self/fd/0 root/dev/stdin
ln -s /proc/self/fd/1 root/dev/stdout
ln -s /proc/self/fd/2 root/dev/stderr
while [ $# -ge 3 ]; do
    if [ -d "$1" ]; then
        mkdir -p "root$2"
    else
        mkdir -p "root${2%/*}"
        [ -e "root$2" ] || : > "root$2"
    fi
    mount -c --rbind "$1" "root$2"
    if [ "$3" = ro ]; then mount -c -o remount,bind,ro "root$2"; fi
    shift 3
done
# Not by way of its absolute path.
cd -P root
pivot_root . dev/before
"/dev/before$loader" --library-path "/dev/before${loader%/*}" /dev/before/usr/bin/umount -l /dev/before
echo ready
read -r _ || exit 0
