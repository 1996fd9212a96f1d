// Explain: an ext4 of a test's own, questions to `hardlinkfs explain` about it, and the system calls that they are about.
#ifndef HARDLINKFS_TESTS_INTEGRATION_EXPLAIN_FIXTURE_H_
#define HARDLINKFS_TESTS_INTEGRATION_EXPLAIN_FIXTURE_H_

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/fixture.h"
#include "tests/integration/kernel_switch.h"
#include "tests/integration/small_filesystem.h"

namespace hardlinkfs {

inline constexpr char kProtectedHardlinks[] = "/proc/sys/fs/protected_hardlinks";
inline const User kRoot{0, 0, {}};

// An operation and its paths, as explain takes them. A third word of "write" says that a byte is written too.
using Words = std::vector<std::string>;

struct Answer {
  int status = -1;
  std::string verdict;
  std::string error;  // the errno's name; empty: none
  std::string rule;   // of the first check that fails; and so its reason and cure
  std::string reason;
  std::string cure;
  nlohmann::json all;
};

Answer AnswerOf(const CommandResult& result);
// As root, about another user.
Answer AskFor(const User& user, Words words);
// The user asks about himself.
Answer AskAs(const User& user, Words words);
// RETURNS: whether a check of that name and result is there.
bool Has(const Answer& answer, const std::string& rule, const std::string& result);

// The system call itself. RETURNS: its errno.
int Call(const Words& words);
int CallAs(const User& user, const Words& words);
const char* NameOfErrno(int code);

// That explain says beforehand how the call ends: with `code`, because of `rule`.
void ExpectTrue(const User& user, const Words& words, int code, const std::string& rule = "");

Errno SetFlags(const std::string& path, unsigned flags);

// A flag for as long as this lives, so that what it is on can be removed.
class Flagged {
 public:
  Flagged(std::string path, unsigned flags);
  ~Flagged();
  Flagged(const Flagged&) = delete;
  Flagged& operator=(const Flagged&) = delete;

 private:
  const std::string path_;
};

// Everybody may write in the root. protected_hardlinks is on.
class Explain : public testing::Test {
 protected:
  void SetUp() override;

  // Another filesystem in the place of the one before.
  void Make(const std::string& kind, unsigned megabytes, const std::vector<std::string>& options = {});
  static bool HasKind(const std::string& kind);

  std::string Path(const std::string& name) const { return top_.Path(name); }
  std::string File(const std::string& name, const User& owner = kAlice, mode_t mode = 0644) const;
  std::string Directory(const std::string& name, const User& owner = kAlice, mode_t mode = 0755) const;
  // On another filesystem, which only root can write on.
  std::string Elsewhere(const std::string& name) const { return scratch_.path() + "/" + name; }
  std::string MakeElsewhere(const std::string& name) const;

  const Folder& top() const { return top_; }
  const SmallFilesystem& disk() const { return *disk_; }
  void ProtectHardlinks(const std::string& value);

 private:
  std::optional<KernelSwitch> protection_;
  ScratchDirectory scratch_{TemporaryDirectory()};
  std::optional<SmallFilesystem> disk_;
  Folder top_{""};
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_INTEGRATION_EXPLAIN_FIXTURE_H_
