// Other processes for the tests: commands with their output, and bodies that run in a child as another user. A child that does not end by
// itself is killed: no test hangs.
#ifndef HARDLINKFS_TESTS_INTEGRATION_PROCESS_H_
#define HARDLINKFS_TESTS_INTEGRATION_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hardlinkfs {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

// Nobody in particular, without any capability. Their numbers need no entry in passwd(5).
inline const User kAlice{61001, 61001, {}};
inline const User kBob{61002, 61002, {}};
// fusermount3(1) insists on an entry in passwd(5).
inline const User kNobody{65534, 65534, {}};

struct CommandResult {
  int status = -1;  // as the shell's $?: 128 + signal when it was killed
  std::string out;
  std::string err;
};

// Runs `arguments` (found in PATH), as `user` if given. Output is what it wrote until it ended, even if a child of it lives on.
CommandResult RunCommand(const std::vector<std::string>& arguments, const std::optional<User>& user = std::nullopt);

// Runs `body` in a child process. RETURNS: the exit status: what `body` returned; 128 + signal when it was killed.
int InChild(const std::function<int()>& body);
// The same as `user`, without capabilities.
int AsUser(const User& user, const std::function<int()>& body);
// Runs `body(0)` ... `body(count - 1)` in as many children at once. RETURNS: the highest of their exit statuses.
int InChildren(int count, const std::function<int(int)>& body);

// Polls until `condition` holds. RETURNS: false after `patience`.
bool Eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience = std::chrono::seconds(20));

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_INTEGRATION_PROCESS_H_
