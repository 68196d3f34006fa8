#!/bin/busybox sh
# The guest's first program, in the initramfs: lays a writable layer in memory over the host's files, moves there, and
# goes on with job.sh. What it prints is the console's.
. /vm/settings
bb=/bin/busybox
plan9=trans=virtio,version=9p2000.L,msize=1048576

$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs devtmpfs /dev
for module in /modules/*; do
  $bb insmod "$module"
done

# The host's files don't change underneath, as far as the guest is concerned: its caches may keep them.
$bb mount -t 9p -o "$plan9,cache=loose,ro" root /lower
$bb mount -t tmpfs -o size=75% tmpfs /upper
$bb mkdir /upper/files /upper/work
$bb mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /root

# A folder that the host shall see written to lies over it all.
while read -r tag folder; do
  $bb mount -t 9p -o "$plan9,cache=mmap" "$tag" "/root$folder"
done < /vm/writable

$bb mkdir -p "/root/lib/modules/$release"
$bb mount --bind "/root$modules" "/root/lib/modules/$release"
for folder in proc sys dev; do
  $bb mount --move "/$folder" "/root/$folder"
done
$bb mount -t tmpfs tmpfs /root/run
$bb cp -r /vm /bin/busybox /root/run/
exec $bb switch_root /root /run/busybox sh /run/vm/job.sh
