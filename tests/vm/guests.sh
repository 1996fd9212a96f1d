# Boots kernels for tests/vm/run: user-mode-linux, and Debian's cloud kernel under qemu, without KVM: it hangs on nested hosts. Sourced.
# Expects $here (this folder), $BUILD_DIR, $work (a scratch folder).
# shellcheck shell=bash

kernel_dir=$BUILD_DIR/deps/kernel
uml_modules=/usr/lib/uml/modules

# why_no_uml, why_no_qemu: one line when such a guest cannot be had here; nothing when it can.
why_no_uml() {
  if ! command -v linux.uml >/dev/null; then
    echo "no user-mode-linux"
  elif [[ ! -d $uml_modules ]]; then
    echo "no modules in $uml_modules"
  fi
}
why_no_qemu() {
  if ! command -v qemu-system-x86_64 >/dev/null; then
    echo "no qemu-system-x86_64"
  elif ! compgen -G "$kernel_dir/boot/vmlinuz-*" >/dev/null; then
    echo "no kernel in $kernel_dir"
  fi
}

# new_job NAME ARGUMENT...: makes the folder of a job that runs guest_job with these arguments. Sets $job.
new_job() {
  job=$work/$1
  shift
  mkdir -p "$job/bin"
  cp "$here/guest_job" "$job/"
  local program
  for program in hardlinkfs tests/integration_test tests/powercut_workload tests/powercut_check; do
    [[ ! -e $stripped/${program##*/} ]] || ln -f "$stripped/${program##*/}" "$job/bin/"
  done
  printf '%q ' exec sh /mnt/job/guest_job "$@" >"$job/run"
}

# The result of a job as its exit status, from what it said on the console; 124 when it did not come to an end.
status_of() {
  local status
  status=$(sed -n 's/^@@RC \([0-9]*\).*/\1/p' "$1/console" | tail -n 1)
  return "${status:-124}"
}

# boot_uml SECONDS MEGABYTES CORE DISK...: runs $job on one core, which is the fastest by far.
boot_uml() {
  local seconds=$1 megabytes=$2 core=$3 disks=() letter=0 disk pid
  shift 3
  for disk; do disks+=("ubd$((letter++))=$disk"); done
  TMPDIR=/dev/shm taskset -c "$core" timeout "$seconds" linux.uml "mem=${megabytes}M" "uml_dir=$job/uml" umid=guest \
    root=/dev/root rootfstype=hostfs ro "init=$here/guest_init" quiet con=null con0=null,fd:1 ssl=null \
    "job=$job" "modules=$uml_modules" "${disks[@]}" </dev/null >"$job/console" 2>"$job/errors" || true
  # Its helper would survive a timeout, and keep the disks locked.
  if pid=$(cat "$job/uml/guest/pid" 2>/dev/null); then kill -KILL -- "-$pid" 2>/dev/null || true; fi
  status_of "$job"
}

# with_libraries FILE...: these and what they are linked with.
with_libraries() {
  printf '%s\n' "$@"
  ldd "$@" 2>/dev/null | grep -o '/[^ :]*' || true
}

# make_initrd OUT: the programs of all jobs, and the modules, for qemu.
make_initrd() {
  local root=$work/root kernel file module program
  kernel=$(basename "$kernel_dir"/lib/modules/*)
  mkdir -p "$root"/{bin,dev,etc,job,mnt,proc,root,run,sys,tmp,var/lib,"lib/modules/$kernel"}
  ln -s bin "$root/sbin"
  cp /bin/busybox "$root/bin/"
  while read -r program; do ln -s busybox "$root/bin/$program"; done < <(busybox --list | grep -vx busybox)
  local programs=(blkid dmsetup findmnt fsck.exfat fusermount3 getfacl id mkfs.exfat setfacl)
  while read -r file; do
    mkdir -p "$root$(dirname "$file")"
    cp -fL "$file" "$root$file"
  done < <(with_libraries "$(command -v bash)" $(for program in "${programs[@]}"; do command -v "$program"; done) | sort -u)
  while read -r file; do
    [[ -e $root$file ]] || { mkdir -p "$root$(dirname "$file")" && cp -L "$file" "$root$file"; }
  done < <(with_libraries "$stripped"/* | grep -v "^$stripped" | sort -u)
  for module in virtio_pci virtio_blk loop fuse exfat nls_utf8 dm-mod dm-log-writes; do
    modprobe -d "$kernel_dir" -S "$kernel" --show-depends "$module" 2>/dev/null | sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done | sort -u | while read -r module; do
    xz -dc "$module" >"$root/lib/modules/$kernel/$(basename "$module" .xz)"
  done
  cp "$kernel_dir/lib/modules/$kernel"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$kernel/"
  depmod -b "$root" "$kernel"
  printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
  ln -s /proc/self/mounts "$root/etc/mtab"
  install -m 755 "$here/guest_init" "$root/init"
  (cd "$root" && find . -print0 | cpio --quiet -0 -o -H newc -R 0:0) >"$1"
  rm -rf "$root"
}

# boot_qemu SECONDS MEGABYTES CORES DISK...: runs $job. A disk named with ",ro" behind it is read-only.
boot_qemu() {
  local seconds=$1 megabytes=$2 cores=$3 disks=() disk
  shift 3
  [[ -e $work/initrd ]] || make_initrd "$work/initrd"
  for disk; do
    disks+=(-drive "if=virtio,format=raw,cache=unsafe,file=$disk")
  done
  # The kernel unpacks archives that stand one behind the other.
  mkdir -p "$job/archive" && cp -rL "$job/run" "$job/guest_job" "$job/bin" "$job/archive/"
  mkdir -p "$job/root" && mv "$job/archive" "$job/root/job"
  (cd "$job/root" && find . -print0 | cpio --quiet -0 -o -H newc -R 0:0) | cat "$work/initrd" - >"$job/initrd"
  rm -rf "$job/root"
  timeout "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m "$megabytes" -smp "$cores" -nodefaults -no-user-config \
    -display none -serial stdio -monitor none -no-reboot -kernel "$kernel_dir"/boot/vmlinuz-* -initrd "$job/initrd" \
    -append "console=ttyS0 panic=-1 quiet mitigations=off cryptomgr.notests nokaslr no_timer_check" \
    "${disks[@]}" </dev/null 2>"$job/errors" | tr -d '\r' >"$job/console" || true
  rm -f "$job/initrd"
  status_of "$job"
}
