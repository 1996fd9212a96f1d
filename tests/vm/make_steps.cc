// Steps at random, see steps.h. Every step is possible in the tree that the steps before it leave.
#include <functional>
#include <string_view>
#include <utility>

#include "tests/model/dice.h"
#include "tests/vm/steps.h"

namespace hardlinkfs {
namespace {

constexpr size_t kMostNames = 60;
constexpr uint32_t kMostBytes = 6000;
constexpr unsigned kSlots = 8;

class Generator {
 public:
  Generator(Workload workload, uint64_t seed) : workload_(workload), dice_(seed) {}

  std::vector<Step> Make(size_t count) {
    for (unsigned slot = 0; slot < kSlots; ++slot) Replace(Slot(slot), Care::kSynced);
    const bool mixed = workload_ == Workload::kMixed;
    bool rested = !mixed;
    bool remounted = !mixed;
    while (steps_.size() < count) {
      if (!rested && steps_.size() > count / 3) {
        rested = true;
        Do({.kind = StepKind::kRest});
      }
      if (!remounted && steps_.size() > 2 * count / 3) {
        remounted = true;
        Do({.kind = StepKind::kRemount});
      }
      One();
    }
    return std::move(steps_);
  }

 private:
  enum class Care { kSynced, kNone };

  void Do(Step step) {
    tree_.Apply(step);
    steps_.push_back(std::move(step));
  }

  static std::string Slot(unsigned slot) { return "slot-" + std::to_string(slot); }
  static std::string In(const std::string& directory, const std::string& name) { return directory.empty() ? name : directory + "/" + name; }

  // As every editor and package manager does it; the hasty ones without fsync.
  void Replace(const std::string& path, Care care) {
    const FileId file = next_file_++;
    const std::string temporary = path + ".tmp";
    Do({StepKind::kCreate, temporary, "", file, 0});
    Append(file);
    if (care == Care::kSynced) Do({StepKind::kSync, "", "", file, 0});
    if (dice_.Chance(50)) {
      Do({StepKind::kClose, "", "", file, 0});
      Do({StepKind::kRename, temporary, path, kDirectory, 0});
    } else {
      Do({StepKind::kRename, temporary, path, kDirectory, 0});
      Do({StepKind::kClose, "", "", file, 0});
    }
    if (care == Care::kSynced) Do({StepKind::kSyncDirectory, ParentOf(path), "", kDirectory, 0});
  }

  void Append(FileId file) { Do({StepKind::kAppend, "", "", file, 1 + static_cast<uint32_t>(dice_.Below(kMostBytes))}); }

  void AppendTo(const std::string& path) {
    const FileId file = tree_.names().at(path);
    Do({StepKind::kOpen, path, "", file, 0});
    Append(file);
    if (dice_.Chance(50)) Do({StepKind::kSync, "", "", file, 0});
    Do({StepKind::kClose, "", "", file, 0});
  }

  void Create(const std::string& path) {
    const FileId file = next_file_++;
    Do({StepKind::kCreate, path, "", file, 0});
    if (dice_.Chance(80)) Append(file);
    if (dice_.Chance(30)) Do({StepKind::kSync, "", "", file, 0});
    if (dice_.Chance(10)) {
      Do({StepKind::kUnlink, path, "", kDirectory, 0});
      Append(file);
    }
    Do({StepKind::kClose, "", "", file, 0});
  }

  void CreateUnnamed(const std::string& path) {
    const FileId file = next_file_++;
    Do({StepKind::kCreateUnnamed, ParentOf(path), "", file, 0});
    Append(file);
    if (dice_.Chance(50)) Do({StepKind::kSync, "", "", file, 0});
    if (dice_.Chance(80)) Do({StepKind::kNameUnnamed, path, "", file, 0});
    Do({StepKind::kClose, "", "", file, 0});
  }

  std::vector<std::string> Paths(const std::function<bool(FileId)>& wanted) const {
    std::vector<std::string> paths;
    for (const auto& [path, file] : tree_.names()) {
      if (wanted(file)) paths.push_back(path);
    }
    return paths;
  }
  std::vector<std::string> Files() const {
    return Paths([](FileId file) { return file != kDirectory; });
  }
  std::vector<std::string> Directories() const {
    return Paths([](FileId file) { return file == kDirectory; });
  }

  std::string AnyDirectory() {
    std::vector<std::string> directories = Directories();
    directories.emplace_back();
    return dice_.Pick(directories);
  }

  // A name that is free, some of them such as FAT has no room for. RETURNS: empty when the first choice is taken.
  std::string FreePath(std::string_view kind) {
    static const std::vector<std::string> kOdd = {"", "", "", "?", ":colon", ".", " ", "|pipe|", "-a name that is too long for 8.3"};
    const std::string name =
        std::string(kind) + std::to_string(dice_.Below(10)) + (dice_.Chance(50) ? "" : "X") + std::string(dice_.Pick(kOdd));
    std::string path = In(AnyDirectory(), name);
    return tree_.names().contains(path) ? "" : path;
  }

  void One() {
    if (workload_ == Workload::kCareful || dice_.Chance(22)) {
      const std::string directory = workload_ == Workload::kCareful ? "" : AnyDirectory();
      const std::string path = In(directory, Slot(static_cast<unsigned>(dice_.Below(kSlots))));
      return Replace(path, Care::kSynced);
    }
    const uint64_t choice = dice_.Below(100);
    const std::vector<std::string> files = Files();
    if (tree_.names().size() > kMostNames) return Do({StepKind::kUnlink, dice_.Pick(files), "", kDirectory, 0});
    if (choice < 14) return Replace(dice_.Pick(files), Care::kNone);
    if (choice < 22) return AppendTo(dice_.Pick(files));
    if (choice < 34) return Rename(dice_.Pick(files), dice_.Chance(40) ? dice_.Pick(files) : FreePath("name"));
    if (choice < 42) return Exchange(dice_.Pick(files), dice_.Pick(files));
    if (choice < 54) return Do({StepKind::kUnlink, dice_.Pick(files), "", kDirectory, 0});
    if (choice < 60) return Do({StepKind::kSyncDirectory, AnyDirectory(), "", kDirectory, 0});
    if (choice < 62) return Do({StepKind::kSettle});
    if (choice < 72) return OnDirectories();
    const std::string path = FreePath("name");
    if (path.empty()) return;
    if (choice < 82) return Do({StepKind::kLink, dice_.Pick(files), path, kDirectory, 0});
    if (choice < 88) return CreateUnnamed(path);
    Create(path);
  }

  void Rename(const std::string& from, const std::string& to) {
    if (to.empty() || tree_.names().at(from) == FileAt(to)) return;
    Do({StepKind::kRename, from, to, kDirectory, 0});
  }

  void Exchange(const std::string& one, const std::string& other) {
    if (tree_.names().at(one) == FileAt(other)) return;
    Do({StepKind::kExchange, one, other, kDirectory, 0});
  }

  FileId FileAt(const std::string& path) const {
    const auto found = tree_.names().find(path);
    return found == tree_.names().end() ? kDirectory : found->second;
  }

  void OnDirectories() {
    const std::vector<std::string> directories = Directories();
    const std::string fresh = FreePath("dir");
    if (directories.size() < 3) {
      if (!fresh.empty()) Do({StepKind::kMakeDirectory, fresh, "", kDirectory, 0});
      return;
    }
    const std::string& one = dice_.Pick(directories);
    const std::string& other = dice_.Pick(directories);
    const auto contains = [](const std::string& outer, const std::string& path) { return path == outer || path.starts_with(outer + "/"); };
    if (tree_.IsEmpty(one)) {
      Do({StepKind::kRemoveDirectory, one, "", kDirectory, 0});
    } else if (dice_.Chance(30) && !contains(one, other) && !contains(other, one)) {
      Do({StepKind::kExchange, one, other, kDirectory, 0});
    } else if (!fresh.empty() && !contains(one, fresh)) {
      Do({StepKind::kRename, one, fresh, kDirectory, 0});
    }
  }

  const Workload workload_;
  Dice dice_;
  FileId next_file_ = 1;
  TreeState tree_;
  std::vector<Step> steps_;
};

}  // namespace

std::vector<Step> MakeSteps(Workload workload, uint64_t seed, size_t count) { return Generator(workload, seed).Make(count); }

}  // namespace hardlinkfs
