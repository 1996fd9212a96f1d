// do_open, may_open and do_dentry_open of the kernel's fs/namei.c and fs/open.c.
#include <cerrno>
#include <string>

#include "mount-helpers/explain_access.h"
#include "mount-helpers/explain_filesystems.h"
#include "mount-helpers/explain_operations.h"
#include "mount-helpers/explain_path_checks.h"
#include "mount-helpers/explain_room_checks.h"
#include "mount-helpers/explain_text.h"
#include "policy/access.h"

namespace hardlinkfs {
namespace {

bool IsDevice(FileType type) { return type == FileType::kCharacterDevice || type == FileType::kBlockDevice; }

// Devices, fifos and sockets are written to without the filesystem.
bool IsOfFilesystem(const ExplainedInode& file) { return file.attributes.type == FileType::kRegular; }

void CheckKind(CheckList& list, const ExplainedInode& file) {
  const FileType type = file.attributes.type;
  if (type == FileType::kDirectory) list.Fail("directory", Describe(file), EISDIR, "it is a directory", "write to a file in it");
  if (IsDevice(type) && HasOption(file.mount.entry.options, "nodev")) {
    list.Fail("nodev", Describe(file), EACCES, "devices do not work in " + Describe(file.mount) + ": nodev",
              "mount -o remount,bind,dev " + ShellWord(file.mount.entry.mountpoint));
  }
}

void CheckPermission(CheckList& list, const ExplainedInode& file) {
  if (IsOfFilesystem(file) && HasOption(file.mount.entry.super_options, "ro")) CheckWritable(list, file);
  const bool has_flags = !IsFuse(file.mount.driver);
  if (has_flags && (file.flags.value_or(0) & FS_IMMUTABLE_FL) != 0) CheckFlags(list, file, Change::kContent);
  const AccessAnswer answer = AskAccess(list.facts(), file, kMayWrite, AccessOf::kKernelAndServer);
  list.Add({"write", Describe(file), answer.outcome, answer.outcome == Outcome::kPass ? 0 : EACCES, answer.reason, answer.cure});
  if ((file.flags.value_or(FS_IMMUTABLE_FL) & FS_IMMUTABLE_FL) == 0 || !file.flags.has_value()) CheckFlags(list, file, Change::kContent);
}

void CheckUse(CheckList& list, const ExplainedInode& file) {
  const std::string subject = Describe(file);
  if (list.facts().old_is_executed) {
    list.Fail("busy", subject, ETXTBSY, "a process executes it", "end that process, or put a new file in its place (rename)");
  }
  if (list.facts().old_is_swap) list.Fail("busy", subject, ETXTBSY, "the kernel swaps to it", "swapoff " + ShellWord(file.path));
  if (file.attributes.type == FileType::kSocket) list.Fail("kind", subject, ENXIO, "a socket cannot be opened", "connect to it");
  if (IsDevice(file.attributes.type)) list.CannotTell("device", subject, ENXIO, "its driver decides");
}

}  // namespace

void CheckWrite(CheckList& list) {
  const ExplainedPath& path = list.facts().old_path;
  CheckWalk(list, path);
  CheckExists(list, path);
  if (!path.found.has_value() || path.found->look_error != 0) return;
  const ExplainedInode& file = *path.found;
  CheckKind(list, file);
  CheckPermission(list, file);
  CheckUse(list, file);
  if (!IsOfFilesystem(file)) return;
  // The mount's own "ro" is asked last, by mnt_get_write_access.
  CheckWritable(list, file);
  CheckRoomForContent(list, file);
}

}  // namespace hardlinkfs
