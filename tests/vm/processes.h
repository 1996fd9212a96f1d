// Commands, and the server of a mount, for the programs that run in a guest. hardlinkfs itself runs in the calling process: a new one takes a
// third of a second in a guest, most of it for the memory that it touches for the first time.
#ifndef HARDLINKFS_TESTS_VM_PROCESSES_H_
#define HARDLINKFS_TESTS_VM_PROCESSES_H_

#include <future>
#include <string>
#include <utility>
#include <vector>

namespace hardlinkfs {

struct CommandEnd {
  int status = -1;     // as the shell's $?
  std::string output;  // stdout and stderr
};
CommandEnd Run(const std::vector<std::string>& words);
// The command hardlinkfs, with what comes behind its name. Not for what goes on in the background.
CommandEnd RunHardlinkfs(const std::vector<std::string>& words);

// As umount(2), again and again while the last close of something is still on its way. Ends the program when it cannot be done.
void UnmountWhenFree(const std::string& mountpoint);

// One mount of hardlinkfs at a time, by a server in a thread. If that aborts, so does the program.
class Mounted {
 public:
  struct Where {
    std::string source;
    std::string mountpoint;
  };

  explicit Mounted(Where where) : where_(std::move(where)), log_(where_.mountpoint + ".log") {}
  // RETURNS: what the command said when it failed, else nothing.
  std::string Mount();
  // umount(2), and waits for the end of the server. RETURNS: what is wrong with it.
  std::string Unmount();
  // RETURNS: what the server of the last mount has logged.
  std::string Log() const;

 private:
  const Where where_;
  const std::string log_;
  std::future<int> server_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_VM_PROCESSES_H_
