#include "fuse/lowlevel/thread_capabilities.h"

#include <sys/stat.h>

#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

namespace hardlinkfs {
namespace {

bool IsInOurUserNamespace(const std::string& proc) {
  struct stat theirs {};
  struct stat ours {};
  if (stat((proc + "/ns/user").c_str(), &theirs) != 0 || stat("/proc/self/ns/user", &ours) != 0) return false;
  return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

// RETURNS: the effective set, one bit a capability.
uint64_t EffectiveSet(const std::string& proc) {
  constexpr std::string_view kKey = "CapEff:\t";
  std::ifstream status(proc + "/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(kKey)) continue;
    uint64_t set = 0;
    const char* const end = line.data() + line.size();
    return std::from_chars(line.data() + kKey.size(), end, set, 16).ptr == end ? set : 0;
  }
  return 0;
}

}  // namespace

bool HasCapability(pid_t thread, unsigned capability) {
  // 0: in a namespace of process numbers that is not ours.
  if (thread <= 0 || capability >= 64) return false;
  const std::string proc = "/proc/" + std::to_string(thread);
  return (EffectiveSet(proc) >> capability & 1U) != 0 && IsInOurUserNamespace(proc);
}

}  // namespace hardlinkfs
