// Commands, and the server of a mount, for the programs that run in a guest.
#ifndef HARDLINKFS_TESTS_VM_PROCESSES_H_
#define HARDLINKFS_TESTS_VM_PROCESSES_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace hardlinkfs {

struct CommandEnd {
  int status = -1;     // as the shell's $?
  std::string output;  // stdout and stderr
};
CommandEnd Run(const std::vector<std::string>& words);
// The command hardlinkfs, with what comes behind its name.
CommandEnd RunHardlinkfs(const std::vector<std::string>& words);

// As umount(2), again and again while the last close of something is still on its way. Ends the program when it cannot be done.
void UnmountWhenFree(const std::string& mountpoint);

// One mount of hardlinkfs.
class Mounted {
 public:
  struct Where {
    std::string source;
    std::string mountpoint;
  };

  explicit Mounted(Where where) : where_(std::move(where)) {}
  // RETURNS: what the command said when it failed, else nothing.
  std::string Mount();
  // umount(2), and waits for the end of the server. RETURNS: what is wrong with it.
  std::string Unmount();
  // RETURNS: what the server of the last mount has logged.
  std::string Log() const;

 private:
  const Where where_;
  pid_t server_ = 0;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_VM_PROCESSES_H_
