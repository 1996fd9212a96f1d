// PolicySource: where a mount's policy comes from: the file that the options name, or the machine's, or one of the volume's own; and the
// options that go before it.
#ifndef HARDLINKFS_MOUNT_HELPERS_POLICY_SOURCE_H_
#define HARDLINKFS_MOUNT_HELPERS_POLICY_SOURCE_H_

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fuse/lowlevel/options.h"
#include "fuse/vfs/gate.h"
#include "fuse/vfs/vfs.h"
#include "policy/policy_file.h"

namespace hardlinkfs {

inline constexpr char kMachinePolicy[] = "/etc/hardlinkfs/policy.toml";
inline constexpr char kVolumePolicy[] = "policy.toml";  // in the private area

class PolicySource {
 public:
  // Borrows `options`, and `source`, the directory that is mounted, open.
  PolicySource(const MountOptions& options, int source, std::string source_path, std::string mountpoint, BackingUse use);

  // Reads it anew. RETURNS: what is wrong, a line for each error. One thread at a time.
  std::variant<std::shared_ptr<const LoadedPolicy>, std::string> Load() const;

 private:
  struct Text {
    std::string file;  // empty: there is none
    std::string bytes;
    bool is_volumes = false;
  };
  std::variant<Text, std::string> Read() const;
  void Override(Policy& policy) const;
  std::string Complaint(const Text& text, const Policy& policy) const;

  const MountOptions& options_;
  const int source_;
  const std::string source_path_;
  const std::string mountpoint_;
  const BackingUse use_;
};

// RETURNS: all that can be read; or what is wrong with it: more than any policy has, or an errno's text.
std::variant<std::string, std::string_view> ReadPolicyText(int fd);
// RETURNS: "FILE:LINE:COLUMN: MESSAGE" for each, with newlines between.
std::string ToLines(std::string_view file, const std::vector<PolicyError>& errors);
// RETURNS: numbers by what this machine knows of users and groups.
IdNames MachineNames();

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_POLICY_SOURCE_H_
