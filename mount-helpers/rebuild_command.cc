#include "mount-helpers/rebuild_command.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <variant>

#include "fuse/lowlevel/options.h"
#include "mount-helpers/failure.h"
#include "mount-helpers/mount_command.h"
#include "mount-helpers/mount_points.h"
#include "store/base/clock.h"
#include "store/volume/rebuild.h"

namespace hardlinkfs {
namespace {

constexpr uint32_t kStrictUmask = 077;
constexpr uint32_t kStrictFile = 0600;
constexpr int kInterrupted = 32;

class Counter final : public ScrubListener {
 public:
  explicit Counter(const Console& console) : console_(console) {}
  Answer Found(const Finding& finding) override {
    damage_ = damage_ || finding.weight != Finding::Weight::kNote;
    return Answer::kLeave;
  }
  Proceed Progress(unsigned, uint64_t, uint64_t) override { return console_.Interrupted() ? Proceed::kStop : Proceed::kGoOn; }
  bool damage() const { return damage_; }

 private:
  const Console& console_;
  bool damage_ = false;
};

// How much is left of the catalog.
struct Remains {
  GivenOut given_out;
  bool opens = false;
  bool whole = false;
  Status why;
};

UniqueFd Copy(const UniqueFd& directory) { return UniqueFd(fcntl(directory.get(), F_DUPFD_CLOEXEC, 0)); }

Remains LookAt(const SourceDirectory& source, const OpenOptions& options, const Clock& clock, const Console& console) {
  Remains remains;
  const auto opened = OpenUnmounted(Copy(source.directory), options, UnmountedVolume::Access::kReadOnly);
  remains.why = opened.status();
  if (!opened.ok()) return remains;
  const ScrubTarget target = (*opened)->Target(clock);
  const Result<MetaRecord> meta = target.catalog.ReadMeta();
  if (meta.ok()) remains.given_out = {meta->next_inode, meta->session};
  Counter counter(console);
  const Result<ScrubSummary> summary = Scrub(target, counter);
  remains.why = summary.status();
  remains.opens = summary.ok();
  remains.whole = summary.ok() && !summary->stopped && !counter.damage();
  return remains;
}

OpenOptions ToStrictOptions(const MountOptions& options) {
  OpenOptions strict = ToOpenOptions(options, kStrictUmask);
  if (!options.umask.has_value() && !options.file_umask.has_value()) strict.volume.file_mode = kStrictFile;
  return strict;
}

}  // namespace

int RunRebuild(const RebuildCommand& command, Console& console) {
  const auto fail = [&](const std::string& line) {
    console.Complain(line);
    return static_cast<int>(ExitStatus::kSystem);
  };
  const std::variant<MountOptions, OptionsError> parsed = ParseMountOptions(command.options, UnknownOptions::kRefuse);
  if (const auto* const error = std::get_if<OptionsError>(&parsed)) {
    console.Complain("hardlinkfs: " + error->line);
    return static_cast<int>(ExitStatus::kUsage);
  }
  const std::variant<SourceDirectory, Failure> opened = OpenSource(command.directory);
  if (const auto* const failure = std::get_if<Failure>(&opened)) return fail(failure->line);
  const SourceDirectory& source = std::get<SourceDirectory>(opened);
  const OpenOptions options = ToStrictOptions(std::get<MountOptions>(parsed));
  const SystemClock clock;
  spdlog::set_level(spdlog::level::off);

  const Remains remains = LookAt(source, options, clock, console);
  if (console.Interrupted()) return kInterrupted;
  if (remains.why.code() == EBUSY) {
    const std::string elsewhere = MountedAt(source.path);
    return fail(FailureOn(source.path, elsewhere.empty() ? "the volume is in use" : "is mounted on " + elsewhere, EBUSY).line);
  }
  // What is not ours, or newer than we are, is not taken out of the way.
  if (remains.why.code() == ENOTSUP || remains.why.code() == ESTALE) {
    return fail(FailureOn(source.path, remains.why.error().what, remains.why.code()).line);
  }
  if (remains.whole && !command.force) {
    return fail(FailureOn(source.path, "the catalog is whole, and a new one would know less (--force makes it all the same)", 0).line);
  }
  if (remains.opens && !remains.whole) console.Print(source.path + ": the catalog can be read; fsck.hardlinkfs would save more of it\n");
  if (!command.yes) {
    if (!console.IsInteractive())
      return fail(FailureOn(source.path, "need terminal to ask whether to make a new catalog; or use -y", 0).line);
    console.Print(source.path +
                  ": links, owners, modes, symlinks, special files and xattrs of the old catalog will be gone.\nMake a new catalog<n>? ");
    const std::optional<std::string> line = console.ReadLine();
    if (!line.has_value() || (*line != "y" && *line != "Y" && *line != "yes")) return static_cast<int>(ExitStatus::kUsage);
  }
  const auto go_on = [&](uint64_t) { return !console.Interrupted(); };
  const Result<RebuildSummary> summary = RebuildVolume(Copy(source.directory), options, remains.given_out, clock, go_on);
  if (summary.code() == ECANCELED) {
    console.Complain("hardlinkfs: " + source.path + ": interrupted; the old catalog is as it was");
    return kInterrupted;
  }
  if (!summary.ok())
    return fail(FailureOn(source.path, std::string("no new catalog was made: ") + summary.error().what, summary.code()).line);
  console.Print(source.path + ": a new catalog was made (inodes: " + std::to_string(summary->inodes) +
                ", directories: " + std::to_string(summary->directories) + ")\n");
  if (!summary->kept.empty()) console.Print(source.path + ": the old one is kept as " + summary->kept + "\n");
  return static_cast<int>(ExitStatus::kSuccess);
}

}  // namespace hardlinkfs
