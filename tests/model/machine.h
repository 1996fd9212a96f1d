// Machine: a volume and its vfs on a backing and an engine in memory that outlive them, so that a test can close it, drop it as kill -9
// does, and begin the next session. Without background work: a test says when to sync, reclaim and settle.
#ifndef HARDLINKFS_TESTS_MODEL_MACHINE_H_
#define HARDLINKFS_TESTS_MODEL_MACHINE_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fuse/vfs/vfs.h"
#include "store/backing/private_area.h"
#include "store/catalog/catalog.h"
#include "store/engine/memory_engine.h"
#include "store/volume/catalog_volume.h"
#include "store/volume/scrub.h"
#include "tests/fakes/faulty_engine.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/memory_backing.h"

namespace hardlinkfs {

inline constexpr char kMachineUuid[] = "uuid of the machine";

// Collects what a scrub finds, and answers all alike.
class ScrubLog final : public ScrubListener {
 public:
  explicit ScrubLog(Answer answer = Answer::kLeave) : answer_(answer) {}
  Answer Found(const Finding& finding) override {
    findings.push_back(finding);
    return answer_;
  }
  Proceed Progress(unsigned, uint64_t, uint64_t) override { return Proceed::kGoOn; }

  // RETURNS: the problems, without notes.
  std::vector<std::string> Damage() const {
    std::vector<std::string> lines;
    for (const Finding& finding : findings) {
      if (finding.weight != Finding::Weight::kNote) lines.push_back(finding.problem);
    }
    return lines;
  }
  std::vector<std::string> Notes() const {
    std::vector<std::string> lines;
    for (const Finding& finding : findings) {
      if (finding.weight == Finding::Weight::kNote) lines.push_back(finding.problem);
    }
    return lines;
  }

  std::vector<Finding> findings;

 private:
  const Answer answer_;
};

// What the catalog is to use instead of the MemoryEngine, and may keep the same rows there.
using MakeEngine = std::function<std::unique_ptr<Engine>(MemoryEngine& memory)>;

struct MachineOptions {
  MemoryBackingOptions backing;
  VolumeOptions volume;
  VfsOptions vfs;
  NameHash hash = HashName;
  MakeEngine make_engine;
};

class Machine {
 public:
  explicit Machine(MachineOptions options)
      : options_(std::move(options)),
        backing_(options_.backing, clock_),
        other_engine_(options_.make_engine ? options_.make_engine(engine_) : nullptr),
        faults_(other_engine_ == nullptr ? engine_ : *other_engine_) {
    static_cast<void>(backing_.MakeDirectory(backing_.root(), BackingName(kPrivateAreaName), 0700));
    const auto area = backing_.OpenDirectory(backing_.root(), BackingName(kPrivateAreaName));
    static_cast<void>(backing_.MakeDirectory(*area, BackingName("homes"), 0700));
    homes_ = *backing_.OpenDirectory(*area, BackingName("homes"));
  }

  // Begins a session. REQUIRES: none is open.
  Status Open() {
    catalog_ = std::make_unique<Catalog>(faults_, options_.hash);
    volume_ = std::make_unique<CatalogVolume>(backing_, *catalog_, clock_, options_.backing.capabilities, homes_, options_.volume);
    vfs_ = std::make_unique<Vfs>(*volume_, clock_, nullptr, options_.vfs);
    if (Status opened = volume_->Open(kMachineUuid); !opened.ok()) return opened;
    return vfs_->LoadPolicy(options_.vfs.policy);
  }
  // Ends it as umount does. Stop leaves the volume to be looked at; Kill has to follow.
  Status Stop() { return vfs_->Stop(); }
  Status Close() {
    Status closed = Stop();
    Kill();
    return closed;
  }
  // Ends it as kill -9 does: what was committed stays.
  void Kill() {
    vfs_.reset();
    volume_.reset();
    catalog_.reset();
  }

  // RETURNS: whether a session is.
  bool is_open() const { return vfs_ != nullptr; }
  // fsck. With a session open nothing may be repaired, and nothing under way.
  Result<ScrubSummary> Scrub(ScrubListener& listener) {
    Catalog catalog(engine_, options_.hash);
    const ScrubTarget target{.backing = backing_,
                             .catalog = catalog,
                             .homes = homes_,
                             .capabilities = {capabilities()},
                             .uuid = kMachineUuid,
                             .keeper_uid = options_.volume.keeper_uid,
                             .keeper_gid = options_.volume.keeper_gid,
                             .clock = clock_};
    return hardlinkfs::Scrub(target, listener);
  }
  // RETURNS: what fsck -n would call damage, a line each; empty when the volume is clean.
  std::vector<std::string> Fsck() {
    ScrubLog log;
    const Result<ScrubSummary> summary = Scrub(log);
    std::vector<std::string> lines = log.Damage();
    if (!summary.ok()) lines.emplace_back(summary.error().what);
    return lines;
  }

  ManualClock& clock() { return clock_; }
  MemoryBacking& backing() { return backing_; }
  MemoryEngine& engine() { return engine_; }
  // What the catalog asks comes by here before it gets to engine().
  FaultyEngine& engine_faults() { return faults_; }
  Catalog& catalog() { return *catalog_; }
  CatalogVolume& volume() { return *volume_; }
  Vfs& vfs() { return *vfs_; }
  const BackingDirectoryRef& homes() const { return homes_; }
  const MachineOptions& options() const { return options_; }
  const Capabilities& capabilities() const { return options_.backing.capabilities; }

 private:
  const MachineOptions options_;
  ManualClock clock_;
  MemoryBacking backing_;
  MemoryEngine engine_;
  const std::unique_ptr<Engine> other_engine_;
  FaultyEngine faults_;
  BackingDirectoryRef homes_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<CatalogVolume> volume_;
  std::unique_ptr<Vfs> vfs_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_MODEL_MACHINE_H_
