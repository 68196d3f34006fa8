# Goes on where init.sh ends, among the host's files: makes what a booted Linux has, runs the command, tells the host how
# it ended, and switches the machine off.
bb=/run/busybox
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

$bb mkdir -p /dev/pts /dev/shm /run/netns /run/lock
$bb mount -t devpts devpts /dev/pts
$bb mount -t tmpfs tmpfs /dev/shm
$bb mount -t cgroup2 cgroup2 /sys/fs/cgroup
$bb mount -t bpf bpf /sys/fs/bpf
$bb mount -t tracefs tracefs /sys/kernel/tracing
$bb ln -s /proc/self/fd /dev/fd
$bb ln -s fd/0 /dev/stdin
$bb ln -s fd/1 /dev/stdout
$bb ln -s fd/2 /dev/stderr
# As systemd has it: a program may have many files open if it asks for it, which Node does.
ulimit -Sn 1024
ulimit -Hn 524288
$bb ip link set lo up
$bb hostname vm
# A network namespace's end waits for several grace periods of RCU, which take a second on a translated machine.
echo 1 > /sys/kernel/rcu_expedited

# The ports to the host, by the names that QEMU was given; they appear a little after their driver.
port() {
  for try in 1 2 3 4 5 6 7 8 9 10; do
    for entry in /sys/class/virtio-ports/*; do
      [ "$($bb cat "$entry/name")" = "$1" ] && echo "/dev/${entry##*/}" && return
    done
    $bb sleep 0.2
  done
  echo "no port $1" > /dev/console
}
control=$(port control)

# See guest-clock.ts. The host boots another machine, and tells it how fast its processor's clock runs.
clock=$($bb dmesg | $bb grep 'tsc: .*PIT calibration')
case "$clock" in *'Using PIT calibration'*)
  printf '%s\nclock wrong\n' "$clock" > "$control"
  echo o > /proc/sysrq-trigger
  $bb sleep 60
esac

# A port can be open only once, and programs like to open /dev/stdout again: they get a pipe, which can be.
$bb mkfifo /run/vm/stdout /run/vm/stderr
$bb cat /run/vm/stdout > "$(port stdout)" &
relays=$!
$bb cat /run/vm/stderr > "$(port stderr)" &
relays="$relays $!"

echo started > "$control"
$bb sh /run/vm/command < /dev/null > /run/vm/stdout 2> /run/vm/stderr
status=$?

# Normally they end at once; something that the command left running may still hold the pipes.
{ $bb sleep 2; kill $relays; } 2> /dev/null &
wait $relays
$bb sync
echo "exit $status" > "$control"
# Off, at once.
echo o > /proc/sysrq-trigger
$bb sleep 60
