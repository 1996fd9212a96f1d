// Console: what a command that asks questions talks to, so that tests can answer them.
#ifndef HARDLINKFS_MOUNT_HELPERS_CONSOLE_H_
#define HARDLINKFS_MOUNT_HELPERS_CONSOLE_H_

#include <optional>
#include <string>

#include "mount-helpers/termination.h"

namespace hardlinkfs {

class Console {
 public:
  virtual ~Console() = default;
  virtual void Print(const std::string& text) = 0;  // as it is, without a newline added
  virtual void Complain(const std::string& line) = 0;
  // RETURNS: whether there is somebody to be asked.
  virtual bool IsInteractive() const = 0;
  // RETURNS: the line that was typed, without its end; nullopt at the end of the input or when Interrupted().
  virtual std::optional<std::string> ReadLine() = 0;
  // RETURNS: whether SIGINT or the like has arrived.
  virtual bool Interrupted() const = 0;
  // A line for a program, on a descriptor that it gave. What cannot be written is left out.
  virtual void WriteTo(int descriptor, const std::string& line) = 0;
};

// stdin, stdout and stderr. Blocks signals, see termination.h. REQUIRES: made before any other thread.
class Terminal final : public Console {
 public:
  void Print(const std::string& text) override;
  void Complain(const std::string& line) override;
  bool IsInteractive() const override;
  std::optional<std::string> ReadLine() override;
  bool Interrupted() const override { return signals_.Pending(); }
  void WriteTo(int descriptor, const std::string& line) override;

 private:
  const TerminationSignals signals_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_CONSOLE_H_
