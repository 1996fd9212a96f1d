// powercut_check: cuts the log of a disk's writes at many points. For each it makes the disk that a power cut may have left, has it
// repaired as a distribution does at boot, mounts it, mounts hardlinkfs over it, asks the oracle, goes on working, and looks at the bare
// backing.
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <map>
#include <string>

#include "store/base/unique_fd.h"
#include "tests/model/dice.h"
#include "tests/vm/cut_disk.h"
#include "tests/vm/failure.h"
#include "tests/vm/oracle.h"
#include "tests/vm/processes.h"
#include "tests/vm/seen_tree.h"
#include "tests/vm/steps.h"
#include "tests/vm/write_log.h"

namespace hardlinkfs {
namespace {

constexpr char kPrivateArea[] = ".hardlinkfs";
constexpr size_t kModes = 3;
constexpr int kRepaired = 1;  // of the exit statuses of fsck(8)
constexpr int kNotRepaired = 4;
constexpr size_t kMostLines = 12;  // told of one cut
constexpr size_t kGoOnBytes = 20000;

struct Arguments {
  std::string log;
  std::string filesystem;
  std::string mount_options;
  std::string repair;  // words; the device is added
  bool plain = false;  // the filesystem by itself, without hardlinkfs
  std::string directory = "/mnt";
  std::string workload = "mixed";
  uint64_t acknowledgements = 0;
  uint64_t seed = 1;
  size_t steps = 100;
  size_t first = 0;
  size_t cuts = 100;
  size_t stride = 1;
  bool list = false;
  std::string save;
};

std::vector<Step> StepsOf(const Arguments& arguments) {
  return MakeSteps(arguments.workload == "careful" ? Workload::kCareful : Workload::kMixed, arguments.seed, arguments.steps);
}

class LoopDevice {
 public:
  explicit LoopDevice(int disk) {
    const UniqueFd control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    const int number = control.valid() ? ioctl(control.get(), LOOP_CTL_GET_FREE) : -1;
    if (number < 0) FailWithErrno("loop device");
    path_ = "/dev/loop" + std::to_string(number);
    device_ = UniqueFd(open(path_.c_str(), O_RDWR | O_CLOEXEC));
    loop_config config{};
    config.fd = static_cast<unsigned>(disk);
    config.block_size = kSectorBytes;
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;  // also when this program is killed
    if (!device_.valid() || ioctl(device_.get(), LOOP_CONFIGURE, &config) != 0) FailWithErrno(path_);
  }
  ~LoopDevice() { ioctl(device_.get(), LOOP_CLR_FD, 0); }
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  UniqueFd device_;
};

// What is looked at next in these filesystems comes from the disk.
void DropCaches(const std::vector<std::string>& mountpoints) {
  for (const std::string& mountpoint : mountpoints) {
    const UniqueFd root(open(mountpoint.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root.valid() || syncfs(root.get()) != 0) FailWithErrno("syncfs of " + mountpoint);
  }
  const UniqueFd caches(open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));
  if (!caches.valid() || write(caches.get(), "3", 1) != 1) FailWithErrno("drop_caches");
}

// Where the time goes, for the report.
class Stopwatch {
 public:
  void Lap(const std::string& phase) {
    const auto now = std::chrono::steady_clock::now();
    spent_[phase] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }
  void Skip() { last_ = std::chrono::steady_clock::now(); }
  const std::map<std::string, double>& spent() const { return spent_; }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  std::map<std::string, double> spent_;
};

class Checker {
 public:
  explicit Checker(const Arguments& arguments)
      : arguments_(arguments),
        log_(WriteLog::Read(arguments.log, arguments.acknowledgements)),
        disk_(arguments.acknowledgements, log_),
        oracle_(StepsOf(arguments), arguments.plain ? Promise::kEachName : Promise::kOneState,
                arguments.filesystem == "ext4" ? Strangers::kKeepTheirMode : Strangers::kArePrivate),
        lower_(arguments.directory + "/lower"),
        backing_(lower_ + "/volume"),
        upper_(arguments.directory + "/upper") {
    mkdir(lower_.c_str(), 0755);
    mkdir(upper_.c_str(), 0755);
    const auto& entries = log_.entries();
    while (begin_ < entries.size() && !entries[begin_].acknowledged.has_value()) ++begin_;
    if (++begin_ >= entries.size()) Fail("the log acknowledges nothing");
  }

  // The disk of the first cut, to be looked at by hand.
  void Save(const std::string& path) const {
    const Cut cut = CutOf(arguments_.first);
    const UniqueFd disk = disk_.At(cut.position, cut.mode, cut.seed);
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    off_t from = 0;
    while (sendfile(file.get(), disk.get(), &from, arguments_.acknowledgements) > 0) {
    }
    if (static_cast<uint64_t>(from) != arguments_.acknowledgements) FailWithErrno(path);
  }

  void CheckAll() {
    const auto start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < arguments_.cuts; ++i) Check(arguments_.first + i * arguments_.stride);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (size_t mode = 0; mode < kModes; ++mode) {
      std::cout << "@@LOST " << NameOf(static_cast<CutMode>(mode)) << " " << lost_[mode] << " of " << made_[mode] << "\n";
    }
    std::cout << "@@TIME " << arguments_.cuts << " cuts in " << seconds << " s, of " << log_.entries().size() << " writes;";
    for (const auto& [phase, spent] : watch_.spent()) {
      std::cout << " " << phase << " " << static_cast<int>(spent * 1000 / static_cast<double>(arguments_.cuts)) << " ms";
    }
    std::cout << " each" << std::endl;
  }

 private:
  struct Cut {
    CutMode mode{};
    size_t position = 0;
    size_t acknowledged = 0;
    uint64_t seed = 0;
  };

  // A number gives the same cut of the same log, whatever else is cut.
  Cut CutOf(size_t number) const {
    Dice dice(arguments_.seed * 1'000'003 + number);
    Cut cut{.mode = static_cast<CutMode>(number % kModes), .position = begin_ + dice.Below(log_.entries().size() - begin_ + 1)};
    cut.seed = dice.Any();
    for (size_t i = 0; i < cut.position; ++i) cut.acknowledged = log_.entries()[i].acknowledged.value_or(cut.acknowledged);
    return cut;
  }

  void Check(size_t number) {
    const auto [mode, position, acknowledged, seed] = CutOf(number);
    watch_.Skip();
    const UniqueFd disk = disk_.At(position, mode, seed);
    watch_.Lap("replay");
    const std::vector<std::string> wrong = Judge(disk.get(), acknowledged);
    ++made_[static_cast<size_t>(mode)];
    if (wrong.empty()) return;
    ++lost_[static_cast<size_t>(mode)];
    if (arguments_.plain && arguments_.cuts > 1) return;  // counted is enough
    std::cout << "cut " << number << " (" << NameOf(mode) << ", before write " << position << ", " << acknowledged << " steps done";
    if (acknowledged < oracle_.steps().size()) std::cout << ", then " << Describe(oracle_.steps()[acknowledged]);
    std::cout << "), seed " << arguments_.seed << ":\n";
    for (size_t i = 0; i < wrong.size() && i < kMostLines; ++i) std::cout << "  " << wrong[i] << "\n";
    std::cout << std::flush;
  }

  std::vector<std::string> Judge(int disk, size_t acknowledged) {
    const LoopDevice loop(disk);
    std::vector<std::string> words;
    for (std::string& word : CLI::detail::split(arguments_.repair, ' ')) words.push_back(std::move(word));
    words.push_back(loop.path());
    CommandEnd repaired = Run(words);
    // Of a directory with two entries, or of a new one of which only the entry was written, fsck.vfat makes one that has no clusters, which
    // the kernel cannot look at; it removes it the next time.
    const auto says = [&repaired](const char* what) { return repaired.output.find(what) != std::string::npos; };
    if (repaired.status == kRepaired && (says("share clusters") || says("Assuming EOF"))) repaired = Run(words);
    if (repaired.status >= kNotRepaired) {
      return {arguments_.repair + " ends with " + std::to_string(repaired.status) + ": " + repaired.output};
    }
    watch_.Lap("repair");
    if (mount(loop.path().c_str(), lower_.c_str(), arguments_.filesystem.c_str(), 0, arguments_.mount_options.c_str()) != 0) {
      return {std::string("mount of the disk: ") + std::strerror(errno)};
    }
    watch_.Lap("mount");
    std::vector<std::string> wrong = arguments_.plain ? oracle_.Judge(LookAt(backing_), acknowledged).wrong : JudgeVolume(acknowledged);
    watch_.Skip();
    UnmountWhenFree(lower_);
    watch_.Lap("umount");
    if (!wrong.empty() && repaired.status != 0) wrong.push_back(arguments_.repair + " had said: " + repaired.output);
    return wrong;
  }

  std::vector<std::string> JudgeVolume(size_t acknowledged) {
    if (access((backing_ + "/" + kPrivateArea).c_str(), F_OK) == 0) {
      const CommandEnd checked = RunHardlinkfs({"fsck", "-a", backing_});
      if (checked.status >= kNotRepaired) return {"hardlinkfs fsck ends with " + std::to_string(checked.status) + ": " + checked.output};
      watch_.Lap("fsck");
    }
    Mounted volume({backing_, upper_});
    if (std::string failed = volume.Mount(); !failed.empty()) return {std::move(failed)};
    watch_.Lap("start");
    const Oracle::Verdict verdict = oracle_.Judge(LookAt(upper_), acknowledged);
    std::vector<std::string> wrong = verdict.wrong;
    if (!wrong.empty()) wrong.insert(wrong.begin(), "compared with the tree after " + std::to_string(verdict.state) + " steps:");
    watch_.Lap("look");
    if (wrong.empty()) wrong = GoOn(verdict, acknowledged);
    watch_.Lap("go on");
    const SeenTree mounted = LookAt(upper_);
    watch_.Lap("look");
    if (std::string failed = volume.Unmount(); !failed.empty()) wrong.push_back(std::move(failed));
    watch_.Lap("stop");
    for (std::string& what : Oracle::JudgeBare(mounted, LookAt(backing_, kPrivateArea))) wrong.push_back(std::move(what));
    watch_.Lap("look");
    if (wrong.empty()) return wrong;
    for (const std::string& stranger : verdict.strangers) wrong.push_back("stranger: " + stranger);
    if (const std::string log = volume.Log(); !log.empty()) wrong.push_back("the server's log:\n" + log);
    return wrong;
  }

  // Room that two files have between them shows when one goes and a third comes.
  std::vector<std::string> GoOn(const Oracle::Verdict& verdict, size_t acknowledged) const {
    const std::string fresh = upper_ + "/made after the cut";
    for (const std::string& stranger : verdict.strangers) {
      if (unlink((upper_ + "/" + stranger).c_str()) != 0) return {stranger + ": unlink: " + std::strerror(errno)};
    }
    {
      const UniqueFd file(open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
      const std::string text(kGoOnBytes, '!');
      if (!file.valid() || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || fsync(file.get()) != 0) {
        return {std::string("nothing can be made any more: ") + std::strerror(errno)};
      }
    }
    if (unlink(fresh.c_str()) != 0) return {std::string("nothing can be removed any more: ") + std::strerror(errno)};
    DropCaches({upper_, lower_});
    std::vector<std::string> wrong = oracle_.Judge(LookAt(upper_), acknowledged).wrong;
    for (std::string& what : wrong) what = "later: " + what;
    return wrong;
  }

  const Arguments arguments_;
  const WriteLog log_;
  const CutDisk disk_;
  const Oracle oracle_;
  const std::string lower_;
  const std::string backing_;
  const std::string upper_;
  size_t begin_ = 0;  // the first entry after the first acknowledgement
  std::array<size_t, kModes> made_{};
  std::array<size_t, kModes> lost_{};
  Stopwatch watch_;
};

}  // namespace
}  // namespace hardlinkfs

int main(int argc, char** argv) {
  hardlinkfs::Arguments arguments;
  CLI::App app("Cuts a log of writes at many points, and checks what is left.");
  app.add_option("--log", arguments.log, "of the writes")->required();
  app.add_option("--acknowledgements", arguments.acknowledgements, "where on the disk they begin, behind the filesystem, in bytes")
      ->required();
  app.add_option("--filesystem", arguments.filesystem, "type of the filesystem")->required();
  app.add_option("--mount-options", arguments.mount_options, "of the filesystem");
  app.add_option("--repair", arguments.repair, "command that repairs it before it is mounted")->required();
  app.add_flag("--plain", arguments.plain, "check the filesystem by itself, without hardlinkfs");
  app.add_option("--directory", arguments.directory, "for mount points");
  app.add_option("--workload", arguments.workload, "careful or mixed");
  app.add_option("--seed", arguments.seed, "of the steps, and of the cuts");
  app.add_option("--steps", arguments.steps, "as the workload was given");
  app.add_option("--first", arguments.first, "number of the first cut");
  app.add_option("--cuts", arguments.cuts, "how many");
  app.add_option("--save", arguments.save, "only write the disk after the first cut to this file");
  app.add_flag("--list", arguments.list, "print the steps, and nothing else");
  app.add_option("--stride", arguments.stride, "between the numbers of two");
  CLI11_PARSE(app, argc, argv);
  if (arguments.list) {
    size_t number = 0;
    for (const hardlinkfs::Step& step : hardlinkfs::StepsOf(arguments)) std::cout << number++ << " " << hardlinkfs::Describe(step) << "\n";
    return 0;
  }
  hardlinkfs::Checker checker(arguments);
  if (arguments.save.empty()) {
    checker.CheckAll();
  } else {
    checker.Save(arguments.save);
  }
  return 0;
}
