// ModeRules: changes of permission bits as chmod(1) takes them, to be applied to any mode.
#ifndef HARDLINKFS_STORE_BASE_MODE_RULES_H_
#define HARDLINKFS_STORE_BASE_MODE_RULES_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "store/base/attributes.h"

namespace hardlinkfs {

class ModeRules {
 public:
  // Rules behind each other, separated by colons: an octal number up to 777, or [ugoa]*[-+=][rwxXD]*: X is x for directories, and for what
  // somebody may execute; D is x for directories. RETURNS: nothing when it is none of these.
  static std::optional<ModeRules> From(std::string_view text);

  bool empty() const { return rules_.empty(); }
  // Suid, sgid and the sticky bit stay.
  uint32_t Apply(uint32_t mode, FileType type) const;

 private:
  enum class Operation { kAdd, kRemove, kSet };
  struct Rule {
    uint32_t who = 0;  // 0700, 0070 and 0007 of those that it is about
    Operation operation = Operation::kSet;
    uint32_t bits = 0;  // 0777, as for all
    bool execute_if_so = false;
    bool execute_directories = false;
  };
  static std::optional<Rule> RuleFrom(std::string_view text);

  std::vector<Rule> rules_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_MODE_RULES_H_
