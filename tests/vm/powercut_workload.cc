// powercut_workload: makes the steps of one seed in a directory, and writes into a sector behind the filesystem, after each, how many are
// done: so that the log of the disk's writes tells what was acknowledged before any point of it.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "store/base/unique_fd.h"
#include "tests/vm/failure.h"
#include "tests/vm/oracle.h"
#include "tests/vm/processes.h"
#include "tests/vm/seen_tree.h"
#include "tests/vm/steps.h"
#include "tests/vm/write_log.h"

namespace hardlinkfs {
namespace {

constexpr char kPrivateArea[] = ".hardlinkfs";
constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirectoryMode = 0750;
// The commit timer comes each second in these mounts; twice that, and as much again for a slow guest.
constexpr std::chrono::seconds kRest{4};
constexpr std::chrono::seconds kSettlePatience{60};
constexpr int kMillisecondsBetween = 50;

struct Arguments {
  std::string directory;  // where the steps are made
  std::string device;
  uint64_t acknowledgements = 0;  // where on the device, in bytes
  std::string backing;            // empty: no hardlinkfs
  std::string workload = "mixed";
  uint64_t seed = 1;
  size_t steps = 100;
};

class Acknowledgements {
 public:
  Acknowledgements(const std::string& device, uint64_t offset)
      : device_(open(device.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC)), offset_(static_cast<off_t>(offset)) {
    if (!device_.valid()) FailWithErrno(device);
    sector_.reset(static_cast<char*>(std::aligned_alloc(kSectorBytes, kSectorBytes)));
  }
  void Write(uint64_t steps) {
    const std::string text = AcknowledgementText(steps);
    std::memset(sector_.get(), 0, kSectorBytes);
    std::memcpy(sector_.get(), text.data(), text.size());
    if (pwrite(device_.get(), sector_.get(), kSectorBytes, offset_) != static_cast<ssize_t>(kSectorBytes)) FailWithErrno("acknowledging");
  }

 private:
  struct Free {
    void operator()(char* sector) const { std::free(sector); }
  };
  const UniqueFd device_;
  const off_t offset_;
  std::unique_ptr<char, Free> sector_;
};

class Worker {
 public:
  explicit Worker(Arguments arguments) : arguments_(std::move(arguments)) {
    if (!arguments_.backing.empty()) volume_.emplace(Mounted::Where{arguments_.backing, arguments_.directory});
  }

  void Work() {
    const Workload workload = arguments_.workload == "careful" ? Workload::kCareful : Workload::kMixed;
    Acknowledgements acknowledgements(arguments_.device, arguments_.acknowledgements);
    // What was before is no part of the test: the directory itself is durable.
    SyncDirectory(arguments_.backing.empty() ? arguments_.directory : arguments_.backing);
    acknowledgements.Write(0);
    Mount();
    size_t done = 0;
    for (const Step& step : MakeSteps(workload, arguments_.seed, arguments_.steps)) {
      errno = 0;
      if (!Do(step)) FailWithErrno("step " + std::to_string(done) + ", " + Describe(step));
      acknowledgements.Write(++done);
    }
    Unmount();
    std::cout << done << " steps\n";
  }

 private:
  std::string In(const std::string& path) const { return path.empty() ? arguments_.directory : arguments_.directory + "/" + path; }

  void Mount() {
    if (!volume_.has_value()) return;
    if (const std::string wrong = volume_->Mount(); !wrong.empty()) Fail(wrong);
  }
  void Unmount() {
    if (!volume_.has_value()) return;
    if (const std::string wrong = volume_->Unmount(); !wrong.empty()) Fail(wrong);
  }

  static bool SyncDirectory(const std::string& directory) {
    const UniqueFd opened(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return opened.valid() && fsync(opened.get()) == 0;
  }

  bool Open(const std::string& path, int flags) {
    open_ = UniqueFd(open(In(path).c_str(), flags | O_CLOEXEC, kFileMode));
    return open_.valid();
  }

  bool Append(const Step& step) {
    const std::string text = ContentOf(step.file, written_[step.file], step.bytes);
    written_[step.file] += step.bytes;
    return write(open_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }

  bool NameUnnamed(const std::string& path) const {
    const std::string link = "/proc/self/fd/" + std::to_string(open_.get());
    return linkat(AT_FDCWD, link.c_str(), AT_FDCWD, In(path).c_str(), AT_SYMLINK_FOLLOW) == 0;
  }

  bool Rename(const Step& step, unsigned flags) const {
    return renameat2(AT_FDCWD, In(step.path).c_str(), AT_FDCWD, In(step.to).c_str(), flags) == 0;
  }

  // S-BARE-4: it comes by itself.
  bool Settle() const {
    if (arguments_.backing.empty()) return true;
    const auto end = std::chrono::steady_clock::now() + kSettlePatience;
    const SeenTree mounted = LookAt(arguments_.directory);
    for (;;) {
      const auto wrong = Oracle::JudgeBare(mounted, LookAt(arguments_.backing, kPrivateArea));
      if (wrong.empty()) return true;
      if (std::chrono::steady_clock::now() > end) Fail("it does not settle: " + wrong.front());
      poll(nullptr, 0, kMillisecondsBetween);
    }
  }

  bool Do(const Step& step) {
    switch (step.kind) {
      case StepKind::kCreate:
        return Open(step.path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND);
      case StepKind::kCreateUnnamed:
        return Open(step.path, O_WRONLY | O_TMPFILE | O_APPEND);
      case StepKind::kNameUnnamed:
        return NameUnnamed(step.path);
      case StepKind::kOpen:
        return Open(step.path, O_WRONLY | O_APPEND);
      case StepKind::kAppend:
        return Append(step);
      case StepKind::kSync:
        return fsync(open_.get()) == 0;
      case StepKind::kClose:
        open_ = UniqueFd();
        return true;
      case StepKind::kMakeDirectory:
        return mkdir(In(step.path).c_str(), kDirectoryMode) == 0;
      case StepKind::kRemoveDirectory:
        return rmdir(In(step.path).c_str()) == 0;
      case StepKind::kSyncDirectory:
        return SyncDirectory(In(step.path));
      case StepKind::kLink:
        return link(In(step.path).c_str(), In(step.to).c_str()) == 0;
      case StepKind::kUnlink:
        return unlink(In(step.path).c_str()) == 0;
      case StepKind::kRename:
        return Rename(step, 0);
      case StepKind::kExchange:
        return Rename(step, RENAME_EXCHANGE);
      case StepKind::kSettle:
        return Settle();
      case StepKind::kRest:
        poll(nullptr, 0, static_cast<int>(std::chrono::milliseconds(kRest).count()));
        return true;
      case StepKind::kRemount:
        Unmount();
        Mount();
        return true;
    }
    return false;
  }

  const Arguments arguments_;
  std::optional<Mounted> volume_;
  UniqueFd open_;
  std::map<FileId, size_t> written_;
};

}  // namespace
}  // namespace hardlinkfs

int main(int argc, char** argv) {
  umask(0);
  hardlinkfs::Arguments arguments;
  CLI::App app("Makes the steps of one seed, acknowledging each behind the end of the filesystem.");
  app.add_option("--directory", arguments.directory, "where the steps are made")->required();
  app.add_option("--device", arguments.device, "of the filesystem")->required();
  app.add_option("--acknowledgements", arguments.acknowledgements, "where on the device they are written, in bytes")->required();
  app.add_option("--backing", arguments.backing, "mount hardlinkfs over it at the directory");
  app.add_option("--workload", arguments.workload, "careful or mixed");
  app.add_option("--seed", arguments.seed, "of the steps");
  app.add_option("--steps", arguments.steps, "about how many");
  CLI11_PARSE(app, argc, argv);
  hardlinkfs::Worker(std::move(arguments)).Work();
  return 0;
}
