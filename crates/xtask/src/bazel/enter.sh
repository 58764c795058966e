# Runs a command in another root file system, with folders of this one below /mnt. All mounts are made in
# a mount namespace of our own, so nothing is left behind however this ends.
#   enter.sh ROOT [NAME FOLDER]... -- COMMAND...
set -eu
root=$1
shift
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount --rbind /dev dev
mount --rbind /sys sys
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs mnt
while [ "$1" != -- ]; do
    mkdir -p "mnt/$1"
    mount --rbind "$2" "mnt/$1"
    shift 2
done
shift
# Not chroot: Bazel's sandbox wants user namespaces, which a chroot forbids.
mkdir mnt/.old
pivot_root . mnt/.old
umount -l /mnt/.old
rmdir /mnt/.old
cd /
exec "$@"
