# shellcheck shell=bash
# Sourced by the program tests: an exFAT volume in an image file, hardlinkfs mounted over it in place, and nothing left of either at the end.
# What a program did is checked three times: by the script, on the bare volume after an unmount, and after another mount.
#
# With PROGRAMS_ON=mirror a folder of the filesystem that $work is on, and a mirror of it, while a neighbour uses the folder itself.
#
#   start COMMAND...     makes the volume and mounts; skips the test (77) where this machine cannot, or a command is missing
#   $mnt $work           the mount; a folder beside it on an ordinary filesystem
#   settled              unmounts, checks the bare volume, mounts again, and checks that nothing has changed
#   finish               the same without mounting again; the last line of every test

programs_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
hardlinkfs=${HARDLINKFS:-$programs_dir/../../build/bin/hardlinkfs}
server=
loop=
mirrored=  # the source of a mirror; else hardlinkfs is mounted over the volume
neighbour=
# What a script has to end before the mount can go; it may redefine this.
end_program() { :; }

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

skip() {
  echo "skipped: $*"
  exit 77
}

# What comes next, with the seconds since the start.
step() { printf '%3d s  %s\n' "$SECONDS" "$*"; }

# equal WHAT WANTED FOUND
equal() { [[ $2 == "$3" ]] || fail "$1: expected '$2', found '$3'"; }

# Nothing may come out of a comparison.
no_output() {
  local what=$1 found
  shift
  found=$("$@" 2>&1) || fail "$what: status $?: $found"
  [[ -z $found ]] || fail "$what:"$'\n'"$(head -n 20 <<<"$found")"
}

inode_of() { stat -c %i "$1"; }
links_of() { stat -c %h "$1"; }

# wait_until SECONDS WHAT COMMAND...
wait_until() {
  local seconds=$1 what=$2 tries
  shift 2
  for ((tries = seconds * 20; tries > 0; tries--)); do
    ! "$@" || return 0
    sleep 0.05
  done
  fail "$what: not within $seconds seconds"
}

gone() { ! kill -0 "$1" 2>/dev/null; }
is_mounted() { [[ $(findmnt -rno FSTYPE "$mnt" 2>/dev/null | tail -n 1) == fuse.hardlinkfs ]]; }
mounted_or_dead() { is_mounted || gone "$server"; }
unmounted() { umount "$1" 2>/dev/null; }

clean_up() {
  local status=$?
  trap - EXIT
  ((status == 0 || status == 77)) || show_server_log
  cd /
  end_program
  end_neighbour
  local mounted
  while read -r mounted; do
    umount "$mounted" 2>/dev/null || umount -l "$mounted" || true
  done < <(findmnt -rno TARGET | grep -F "$work/" | tac)
  if [[ -n $server ]]; then
    timeout 10 tail -f --pid="$server" /dev/null || kill -9 "$server" || true
  fi
  [[ -z $loop ]] || losetup -d "$loop" || true
  rm -rf --one-file-system "$work"
  exit "$status"
}

show_server_log() {
  [[ ! -s $work/server.log ]] || { echo "the server's log ends:" && tail -n 10 "$work/server.log"; } >&2
}

mount_server() {
  local names=catalog
  [[ -z $mirrored ]] || names=backing
  "$hardlinkfs" mount -f -o "names=$names${mount_options:+,$mount_options}" "${mirrored:-$mnt}" "$mnt" >>"$work/server.log" 2>&1 &
  server=$!
  wait_until 60 "mounting" mounted_or_dead
  is_mounted || fail "hardlinkfs did not mount"
}

# Somebody who reads all that lies in the source, and makes, links, renames and removes files of his own there.
start_neighbour() {
  [[ -n $mirrored ]] || return 0
  mkdir "$mirrored/neighbour"
  (
    cd "$mirrored/neighbour"
    while :; do
      find "$mirrored" -type f -print0 2>/dev/null | xargs -0 -r cat >/dev/null 2>&1 || true
      for number in {1..20}; do
        echo "$number" >file
        ln file "link $number"
        mv file "renamed $number"
        rm "link $number" "renamed $number"
      done
      sleep 0.2
    done
  ) &
  neighbour=$!
}

end_neighbour() {
  [[ -n $neighbour ]] || return 0
  kill "$neighbour"
  wait "$neighbour" 2>/dev/null || true
  neighbour=
  rm -rf "$mirrored/neighbour"
}

# Peak resident memory of the server, in KiB.
peak_memory() { awk '/^VmHWM/ { print $2 }' "/proc/$server/status"; }

# A program that has just ended may still hold a file for a moment.
unmount_server() {
  cd /
  wait_until 10 "unmounting hardlinkfs" unmounted "$mnt"
  # Homes are settled now, so this may take its time.
  wait_until "${end_within:-120}" "the server's end" gone "$server"
  local status=0
  wait "$server" || status=$?
  server=
  equal "the server's exit status" 0 "$status"
}

# prepare_volume exfat|ext4|mirror|plain COMMAND...: plain is a folder of the filesystem that $work is on. Does not mount hardlinkfs.
prepare_volume() {
  local kind=$1 command
  shift
  for command in mkfs.exfat mount.exfat-fuse losetup python3 "$@"; do
    [[ -n $(type -P "$command") ]] || skip "$command is not installed"
  done
  ((EUID == 0)) || skip "not root"
  [[ -c /dev/fuse ]] || skip "no /dev/fuse"
  work=$(mktemp -d "${TMPDIR:-/tmp}/programs.XXXXXX")
  mnt=$work/stick
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  # Some programs run as other users.
  chmod 755 "$work"
  umask 022
  mkdir "$mnt"
  [[ $kind == plain ]] || "mount_$kind"
}

start_volume() {
  prepare_volume "$@"
  mount_server
  start_neighbour
}

start() { start_volume "${PROGRAMS_ON:-exfat}" "$@"; }

mount_mirror() {
  mirrored=$work/beneath
  mkdir "$mirrored"
}

mount_exfat() {
  # exFAT has no holes; the image takes up only what is written.
  truncate -s 6G "$work/image"
  mkfs.exfat "$work/image" >/dev/null
  loop=$(losetup -f --show "$work/image" 2>/dev/null) || skip "no loop device"
  mount.exfat-fuse "$loop" "$mnt" >"$work/exfat.log" 2>&1 || skip "mount.exfat-fuse: $(tail -n 1 "$work/exfat.log")"
}

mount_ext4() {
  truncate -s 2G "$work/image"
  mkfs.ext4 -q "$work/image"
  loop=$(losetup -f --show "$work/image" 2>/dev/null) || skip "no loop device"
  mount "$loop" "$mnt" || skip "ext4 cannot be mounted"
  rmdir "$mnt/lost+found"
}

settle_and_look() {
  end_neighbour
  "$programs_dir/inventory" write --nlink "$mnt" >"$work/mounted" || fail "link counts and names disagree"
  unmount_server
  if [[ -n $mirrored ]]; then
    "$programs_dir/inventory" write --nlink "$mirrored" >"$work/bare"
    "$programs_dir/inventory" compare "$work/mounted" "$work/bare" || fail "the source does not show what the mirror showed"
    return
  fi
  "$programs_dir/inventory" bare "$work/mounted" "$mnt" || fail "the bare volume does not show what the mount showed"
}

settled() {
  step "unmount, look at the bare volume, mount again"
  settle_and_look
  mount_server
  "$programs_dir/inventory" write "$mnt" >"$work/remounted"
  "$programs_dir/inventory" compare "$work/mounted" "$work/remounted" || fail "another mount shows something else"
  start_neighbour
}

finish() {
  step "unmount, look at the bare volume"
  settle_and_look
  [[ -n $mirrored ]] || umount "$mnt"
  step "done"
}
