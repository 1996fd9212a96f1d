// The manner is e2fsck's: passes, a line for each thing found, a summary; and so is what happens without a terminal.
#include "mount-helpers/fsck_command.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "fuse/lowlevel/options.h"
#include "mount-helpers/failure.h"
#include "mount-helpers/mount_command.h"
#include "mount-helpers/mount_points.h"
#include "store/base/clock.h"
#include "store/volume/open_volume.h"

namespace hardlinkfs {
namespace {

constexpr int kBarWidth = 50;
constexpr uint32_t kStrictUmask = 077;  // of what may be taken over on the way

std::string Plural(uint64_t count, const char* one, const char* many) { return std::to_string(count) + " " + (count == 1 ? one : many); }

// Puts findings and progress on the console, and gets the answers.
class Conversation final : public ScrubListener {
 public:
  Conversation(const FsckCommand& command, const std::string& subject, Console& console)
      : command_(command), subject_(subject), console_(console) {}

  Answer Found(const Finding& finding) override {
    using Weight = Finding::Weight;
    if (finding.weight == Weight::kNote && !command_.verbose) return Answer::kLeave;
    ClearBar();
    if (finding.weight == Weight::kNote) return Say(finding.problem + ".\n", Answer::kLeave);
    if (finding.weight == Weight::kBeyond) return Say(finding.problem + ". NOT REPAIRED\n", Answer::kLeave);
    switch (command_.mode) {
      case RepairMode::kNothing:
        return Say(finding.problem + ". " + finding.remedy + "? no\n", Answer::kLeave);
      case RepairMode::kEverything:
        return Say(finding.problem + ". " + finding.remedy + "? yes\n", Answer::kRepair);
      case RepairMode::kSafe:
        if (finding.weight == Weight::kMinor) return Say(subject_ + ": " + finding.problem + ". REPAIRED\n", Answer::kRepair);
        Say(subject_ + ": " + finding.problem + ".\n", Answer::kLeave);
        if (std::exchange(complained_, true)) return Answer::kLeave;
        return Say(subject_ + ": UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\n", Answer::kLeave);
      case RepairMode::kAsk:
        break;
    }
    return Ask(finding);
  }

  Proceed Progress(unsigned pass, uint64_t done, uint64_t total) override {
    const bool quiet = command_.mode == RepairMode::kSafe && !command_.verbose;
    if (done == 0 && !quiet) {
      ClearBar();
      // Rounds after repairs are told of once.
      if (pass < last_pass_) console_.Print("Checking again, after the repairs\n");
      console_.Print("Pass " + std::to_string(pass) + ": Checking " + ScrubPassName(pass) + "\n");
    }
    last_pass_ = pass;
    if (command_.progress.has_value()) Show(pass, done, total);
    return console_.Interrupted() ? Proceed::kStop : Proceed::kGoOn;
  }

  void ClearBar() {
    if (std::exchange(bar_, false)) console_.Print("\r" + std::string(kBarWidth + 24, ' ') + "\r");
  }

 private:
  Answer Say(const std::string& text, Answer answer) {
    console_.Print(text);
    return answer;
  }

  Answer Ask(const Finding& finding) {
    if (yes_to_all_) return Say(finding.problem + ". " + finding.remedy + "? yes\n", Answer::kRepair);
    while (!console_.Interrupted()) {
      console_.Print(finding.problem + ". " + finding.remedy + "<y>? ");
      const std::optional<std::string> line = console_.ReadLine();
      if (!line.has_value()) return Say("\n", Answer::kLeave);
      const char first = line->empty() ? 'y' : line->front();
      if (first == 'a' || first == 'A') yes_to_all_ = true;
      if (yes_to_all_ || first == 'y' || first == 'Y') return Answer::kRepair;
      if (first == 'n' || first == 'N') return Answer::kLeave;
      console_.Print("y is yes, n is no, a is yes to all.\n");
    }
    return Answer::kLeave;
  }

  void Show(unsigned pass, uint64_t done, uint64_t total) {
    if (*command_.progress != 0) {
      // What systemd-fsck and others read: pass, position, total, device.
      console_.WriteTo(*command_.progress,
                       std::to_string(pass) + " " + std::to_string(done) + " " + std::to_string(total) + " " + subject_ + "\n");
      return;
    }
    if (!console_.IsInteractive()) return;
    const double share = (pass - 1 + static_cast<double>(done) / static_cast<double>(total)) / kScrubPasses;
    const auto filled = static_cast<size_t>(share * kBarWidth);
    char percent[16];
    std::snprintf(percent, sizeof percent, "%5.1f%%", share * 100);
    console_.Print("\r|" + std::string(filled, '=') + std::string(kBarWidth - filled, ' ') + "| " + percent);
    bar_ = true;
    if (pass == kScrubPasses && done == total) ClearBar();
  }

  const FsckCommand& command_;
  const std::string subject_;
  Console& console_;
  bool yes_to_all_ = false;
  bool bar_ = false;
  bool complained_ = false;
  unsigned last_pass_ = 0;
};

class Fsck {
 public:
  Fsck(const FsckCommand& command, const SourceDirectory& source, OpenOptions options, Console& console)
      : command_(command), source_(source), options_(std::move(options)), console_(console) {}

  int Run() {
    const auto begin = std::chrono::steady_clock::now();
    // First without changing anything: whether there is a volume, and whether it is clean.
    Opened volume = Open(UnmountedVolume::Access::kReadOnly);
    if (volume == nullptr) return status_without_volume_;
    const ScrubTarget target = volume->Target(clock_);
    const Result<MetaRecord> meta = target.catalog.ReadMeta();
    if (meta.ok() && meta->uuid != target.uuid) return Fail("the catalog belongs to another volume", ESTALE);
    if (meta.ok() && meta->clean && !command_.force) {
      console_.Print(source_.path + ": clean, " + Plural(meta->inode_count, "inode", "inodes") + "\n");
      return kFsckClean;
    }
    if (command_.mode != RepairMode::kNothing) {
      volume.reset();  // the lock is free for a moment; whoever takes it keeps us out
      volume = Open(UnmountedVolume::Access::kReadWrite);
      if (volume == nullptr) return status_without_volume_;
    }
    const bool was_clean = meta.ok() && meta->clean;
    const int status = Check(*volume, was_clean);
    if (command_.timing) {
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      char text[48];
      std::snprintf(text, sizeof text, ": %.2f seconds\n", took.count());
      console_.Print(source_.path + text);
    }
    return status;
  }

 private:
  using Opened = std::unique_ptr<UnmountedVolume>;

  int Fail(const std::string& reason, int code) {
    console_.Complain(FailureOn(source_.path, reason, code).line);
    return kFsckOperational;
  }

  Opened Open(UnmountedVolume::Access access) {
    Result<Opened> opened = OpenUnmounted(UniqueFd(fcntl(source_.directory.get(), F_DUPFD_CLOEXEC, 0)), options_, access);
    if (opened.ok()) return *std::move(opened);
    if (opened.code() == EINPROGRESS) {
      status_without_volume_ = kFsckClean;
      console_.Print(source_.path + ": " + opened.error().what + ": nothing to check\n");
      return nullptr;
    }
    const std::string elsewhere = opened.code() == EBUSY ? MountedAt(source_.path) : "";
    std::string reason = std::string("the volume cannot be checked: ") + opened.error().what;
    if (!elsewhere.empty()) reason = "is mounted on " + elsewhere;
    if (opened.code() == EUCLEAN)
      reason += "; a mount goes back to a snapshot of it, or hardlinkfs rebuild makes a new catalog from the files";
    Fail(reason, opened.code());
    return nullptr;
  }

  int Check(UnmountedVolume& volume, bool was_clean) {
    const bool repairs = command_.mode != RepairMode::kNothing;
    if (!was_clean && repairs) {
      console_.Print(source_.path + ": was not unmounted cleanly, recovering\n");
      // What cannot be recovered yet is told by what is found.
      if (const Status recovered = volume.Recover(clock_); !recovered.ok() && command_.verbose) {
        console_.Print(source_.path + ": recovery has to wait for repairs: " + recovered.error().what + "\n");
      }
    }
    if (!was_clean && !repairs) console_.Print(source_.path + ": was not unmounted cleanly; checked without recovery\n");
    Conversation conversation(command_, source_.path, console_);
    const Result<ScrubSummary> summary = Scrub(volume.Target(clock_), conversation);
    conversation.ClearBar();
    if (!summary.ok()) return Fail(summary.error().what, summary.code());
    const int status = (summary->repaired > 0 ? kFsckCorrected : 0) | (summary->left > 0 ? kFsckLeft : 0);
    if (summary->stopped) {
      console_.Print(source_.path + ": interrupted\n");
      return status | kFsckCancelled;
    }
    const bool finish = repairs && summary->left == 0 && (summary->repaired > 0 || !was_clean);
    if (finish) {
      if (const Status finished = volume.Finish(clock_); !finished.ok()) {
        return status | Fail(std::string("the volume could not be marked as clean: ") + finished.error().what, finished.code());
      }
    }
    Summarize(*summary);
    return status;
  }

  void Summarize(const ScrubSummary& summary) {
    const std::string& path = source_.path;
    if (summary.repaired > 0) console_.Print("\n" + path + ": ***** VOLUME WAS MODIFIED *****\n");
    if (summary.left > 0) console_.Print("\n" + path + ": ********** WARNING: Volume still has errors **********\n\n");
    console_.Print(path + ": " + Plural(summary.inodes, "inode", "inodes") + " (" +
                   Plural(summary.directories, "directory", "directories") + "), " + Plural(summary.names, "name", "names") + "\n");
    if (!command_.verbose) return;
    console_.Print(path + ": " + Plural(summary.orphans, "inode", "inodes") + " without a name, " +
                   Plural(summary.detached, "home", "homes") + " away from their names; " + std::to_string(summary.repaired) +
                   " repaired, " + std::to_string(summary.left) + " left\n");
  }

  const FsckCommand& command_;
  const SourceDirectory& source_;
  const OpenOptions options_;
  Console& console_;
  const SystemClock clock_;
  int status_without_volume_ = kFsckOperational;  // as Open has found out
};

}  // namespace

int RunFsck(const FsckCommand& command, Console& console) {
  const auto fail = [&](const std::string& line, int status) {
    console.Complain(line);
    return status;
  };
  const std::variant<MountOptions, OptionsError> parsed = ParseMountOptions(command.options, UnknownOptions::kIgnore);
  if (const auto* const error = std::get_if<OptionsError>(&parsed)) return fail("hardlinkfs: " + error->line, kFsckUsage);
  if (command.mode == RepairMode::kAsk && !console.IsInteractive()) {
    return fail("hardlinkfs: need terminal for interactive repairs; or use -n, -p or -y", kFsckOperational);
  }
  const std::variant<SourceDirectory, Failure> source = OpenSource(command.directory);
  if (const auto* const failure = std::get_if<Failure>(&source)) return fail(failure->line, kFsckOperational);
  // What is found is said once, and not by the layers below as well.
  spdlog::set_level(spdlog::level::off);
  return Fsck(command, std::get<SourceDirectory>(source), ToOpenOptions(std::get<MountOptions>(parsed), kStrictUmask), console).Run();
}

}  // namespace hardlinkfs
