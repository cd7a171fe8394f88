#!/bin/busybox sh
# The whole user space of the tiny guest; tiny_guest.py says what it promises.
/bin/busybox --install -s /bin
export PATH=/usr/bin:/bin
mkdir -p /proc /sys /dev /run /tmp /seed /disk /var/run /root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
chmod 1777 /run /tmp
while read -r module; do insmod "/modules/$module"; done </modules/order
[ ! -d /sys/firmware/efi ] || mount -t efivarfs efivarfs /sys/firmware/efi/efivars

mount -t ext4 /dev/vda1 /disk
for device in /dev/vd?; do
    mount -t iso9660 -o ro "$device" /seed 2>/dev/null && break
done

# The seed's documents, with everything on one line, so that it does not matter how their YAML
# folds and quotes.
seed=$(cat /seed/user-data /seed/meta-data 2>/dev/null | sed 's/\\n/ /g' | tr '\n\\"' '   ' | tr -d "'" | tr -s ' ')
value_of() { echo "$seed" | grep -o "[ {-]$1: *[A-Za-z0-9._-]*" | head -n 1 | sed 's/.*: *//'; }

if echo "$seed" | grep -q ignore-power-button; then touch /run/ignore-power-button; fi
hostname "$(value_of local-hostname)"
user=$(value_of name)
home=/home/${user:=tiny}
mkdir -p "$home/.ssh" /etc/dropbear
echo "$user:*:0:0::$home:/bin/sh" >/etc/passwd
echo "root:*:0:0::/root:/bin/sh" >>/etc/passwd
echo "$user:x:0:" >/etc/group
if [ -x /usr/bin/login-on-screen ]; then login-on-screen & fi
echo "$seed" | sed 's/ed25519_public: *ssh-ed25519//' |
    grep -oE 'ssh-(ed25519|rsa) [A-Za-z0-9+/=]+' >"$home/.ssh/authorized_keys"
chmod 700 "$home" "$home/.ssh"
chmod 600 "$home/.ssh/authorized_keys"

echo "$seed" | grep -o -e '-----BEGIN OPENSSH PRIVATE KEY-----.*-----END OPENSSH PRIVATE KEY-----' |
    sed -e 's/KEY----- /KEY-----\n/' -e 's/ -----END/\n-----END/' |
    sed '/-----/!s/ /\n/g' >/etc/dropbear/openssh_key
chmod 600 /etc/dropbear/openssh_key
dropbearconvert openssh dropbear /etc/dropbear/openssh_key /etc/dropbear/host_key 2>/dev/null

ip link set lo up
ip link set eth0 up
# A bridge may forward nothing for longer than a quick boot has patience.
udhcpc -i eth0 -n -q -t 5 -T 1 -s /etc/udhcpc.sh || {
    ip addr add 10.0.2.15/24 dev eth0
    udhcpc -i eth0 -f -q -t 5 -T 1 -A 1 -s /etc/udhcpc.sh >/dev/null 2>&1 &
}
dropbear -s -r /etc/dropbear/host_key -p 22

# A press is four events of 24 bytes: down, report, up, report. What comes while nobody reads is
# kept for as long as the device is open.
button=$(sed -n '/"Power Button"/,/^H:/s/^H:.*\(event[0-9]*\).*/\1/p' /proc/bus/input/devices)
exec 3<"/dev/input/$button"
while dd of=/dev/null bs=24 count=4 <&3 2>/dev/null; do
    power-button-pressed
done &
exec 3<&-
echo "tiny guest: ready as $(hostname)"

# The last console of the command line, whose name depends on the architecture.
console=$(sed 's/.* //' /sys/class/tty/console/active)
while :; do
    setsid sh -c "exec sh -i </dev/$console >/dev/$console 2>&1"
done
