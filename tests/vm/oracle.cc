#include "tests/vm/oracle.h"

#include <algorithm>
#include <regex>
#include <set>
#include <utility>

namespace hardlinkfs {
namespace {

constexpr char kLostAndFound[] = "lost+found";
// What is adopted and may have been private, see docs/crash-consistency.md; the workload makes nothing with such modes.
constexpr mode_t kStrangersMode = 0600;
constexpr mode_t kStrangersDirectoryMode = 0700;

bool ChangesNames(const Step& step) {
  switch (step.kind) {
    case StepKind::kCreate:
    case StepKind::kNameUnnamed:
    case StepKind::kMakeDirectory:
    case StepKind::kRemoveDirectory:
    case StepKind::kLink:
    case StepKind::kUnlink:
    case StepKind::kRename:
    case StepKind::kExchange:
      return true;
    default:
      return false;
  }
}

std::string Quoted(const std::string& path) { return "\"" + path + "\""; }

std::string Describe(const std::string& path, const std::string& content) {
  return Quoted(path) + " (" + std::to_string(content.size()) + " bytes, file " + std::to_string(FileOf(content)) + ")";
}

// A long name on vfat, or one in small letters, lies in entries before the one that it names. When they are in two blocks and only the second is
// on the disk, what was being made, moved or removed has its short name.
bool IsTornName(const std::string& path, const SeenEntry& entry) {
  static const std::regex kShortName("(.*/)?([^/.]{1,6}~[0-9]+(\\.[^/.]{0,3})?|[A-Z0-9_-]{1,8}(\\.[A-Z0-9_-]{1,3})?)");
  return !entry.directory && std::regex_match(path, kShortName);
}

}  // namespace

Oracle::Oracle(std::vector<Step> steps, Promise promise, Strangers strangers)
    : steps_(std::move(steps)), promise_(promise), strangers_(strangers) {
  states_.emplace_back();
  for (const Step& step : steps_) {
    TreeState next = states_.back();
    next.Apply(step);
    states_.push_back(std::move(next));
  }
}

size_t Oracle::LastSync(size_t acknowledged) const {
  for (size_t done = acknowledged; done > 0; --done) {
    switch (steps_[done - 1].kind) {
      case StepKind::kSync:
        if (promise_ == Promise::kOneState) return done;
        break;
      case StepKind::kSyncDirectory:
      case StepKind::kRest:
      case StepKind::kRemount:
        return done;
      default:
        break;
    }
  }
  return 0;
}

std::map<FileId, uint32_t> Oracle::DurableContents(size_t state, size_t acknowledged) const {
  std::map<FileId, uint32_t> durable;
  const auto note = [&](FileId file, size_t at) {
    const auto& files = states_[at].files();
    if (const auto found = files.find(file); found != files.end()) durable[file] = std::max(durable[file], found->second.written);
  };
  const auto note_at = [&](const std::string& path, size_t at) {
    const auto& names = states_[at].names();
    if (const auto found = names.find(path); found != names.end() && found->second != kDirectory) note(found->second, at);
  };
  for (size_t i = 0; i < std::max(state, acknowledged); ++i) {
    const Step& step = steps_[i];
    if (i < acknowledged && step.kind == StepKind::kSync) note(step.file, i);
    if (i < acknowledged && (step.kind == StepKind::kRest || step.kind == StepKind::kRemount)) {
      for (const auto& [file, content] : states_[i].files()) {
        if (!content.open) note(file, i);
      }
    }
    // S7: what took over a name has its content, fsync or not.
    if (promise_ != Promise::kOneState || i >= state) continue;
    const bool replaces = step.kind == StepKind::kRename && states_[i].names().contains(step.to);
    if (replaces || step.kind == StepKind::kExchange) note_at(step.path, i);
    if (step.kind == StepKind::kExchange) note_at(step.to, i);
  }
  return durable;
}

std::string Oracle::JudgeContent(FileId file, const SeenEntry& entry, uint32_t durable, size_t acknowledged) const {
  const TreeState& latest = states_[std::min(acknowledged + 1, steps_.size())];
  if (entry.content.size() < durable) {
    return "has " + std::to_string(entry.content.size()) + " bytes of file " + std::to_string(file) + ", and " + std::to_string(durable) +
           " were synced";
  }
  if (entry.content.compare(0, durable, ContentOf(file, 0, durable)) != 0)
    return "does not have the content of file " + std::to_string(file);
  if (entry.content.size() > latest.files().at(file).written) return "is longer than file " + std::to_string(file) + " ever was";
  const FileId other = FileOf(entry.content);
  if (other != kDirectory && other != file) return "has the content of file " + std::to_string(other) + ", not " + std::to_string(file);
  return "";
}

// A content that began to be after the state that is shown: its creation was not promised, and it may be found as a stranger; under its name
// with what its blocks held before, where there is no journal.
bool Oracle::IsMadeLater(const std::string& path, const SeenEntry& entry, size_t state, size_t acknowledged) const {
  const size_t end = std::min(acknowledged + 1, steps_.size());
  const FileId file = FileOf(entry.content);
  for (size_t i = state; i < end; ++i) {
    const Step& step = steps_[i];
    if (entry.directory
            ? step.kind == StepKind::kMakeDirectory
            : (step.kind == StepKind::kCreate || step.kind == StepKind::kCreateUnnamed) && (file == kDirectory || file == step.file || path == step.path)) {
      return true;
    }
  }
  return false;
}

Oracle::Verdict Oracle::Compare(const SeenTree& seen, size_t state, size_t acknowledged) const {
  Verdict verdict{.wrong = seen.errors, .state = state, .strangers = {}};
  const TreeState& tree = states_[state];
  const std::map<FileId, uint32_t> durable = DurableContents(state, acknowledged);
  std::map<FileId, ino_t> numbers;
  std::map<ino_t, FileId> owners;
  for (const auto& [path, file] : tree.names()) {
    const auto found = seen.entries.find(path);
    const auto wrong = [&, &at = path](const std::string& what) { verdict.wrong.push_back(Quoted(at) + " " + what); };
    if (found == seen.entries.end()) {
      wrong("is missing");
      continue;
    }
    const SeenEntry& entry = found->second;
    if (entry.directory != (file == kDirectory)) {
      wrong("is of the wrong type");
      continue;
    }
    if (file == kDirectory) continue;
    const auto needed = durable.find(file);
    if (std::string what = JudgeContent(file, entry, needed == durable.end() ? 0 : needed->second, acknowledged); !what.empty())
      wrong(what);
    if (entry.nlink != tree.CountNames(file)) wrong("has nlink " + std::to_string(entry.nlink));
    if (numbers.emplace(file, entry.ino).first->second != entry.ino) wrong("is not the same file under all its names");
    if (owners.emplace(entry.ino, file).first->second != file) wrong("is the same file as another");
    if (entry.permissions == kStrangersMode) wrong("has lost its mode");
  }
  for (const auto& [path, entry] : seen.entries) {
    if (tree.names().contains(path) || path == kLostAndFound) continue;
    const bool looks_so =
        strangers_ == Strangers::kKeepTheirMode || entry.permissions == (entry.directory ? kStrangersDirectoryMode : kStrangersMode);
    if (!looks_so || (!IsMadeLater(path, entry, state, acknowledged) && !IsTornName(path, entry))) {
      verdict.wrong.push_back(Describe(path, entry.content) + " should not be there" + (looks_so ? ", not even as a stranger" : ""));
    } else if (!entry.directory) {
      verdict.strangers.push_back(path);
    }
  }
  return verdict;
}

std::vector<std::string> Oracle::CompareNames(const SeenTree& seen, size_t acknowledged) const {
  std::vector<std::string> wrong = seen.errors;
  const size_t begin = LastSync(acknowledged);
  const size_t end = std::min(acknowledged + 1, steps_.size());
  std::set<std::string> paths;
  for (size_t state = begin; state <= end; ++state) {
    for (const auto& [path, file] : states_[state].names()) paths.insert(path);
  }
  for (const std::string& path : paths) {
    const auto found = seen.entries.find(path);
    std::string nearest;
    bool right = false;
    for (size_t state = begin; state <= end && !right; ++state) {
      const auto expected = states_[state].names().find(path);
      if (expected == states_[state].names().end()) {
        right = found == seen.entries.end();
        continue;
      }
      if (found == seen.entries.end()) continue;
      const std::map<FileId, uint32_t> durable = DurableContents(state, acknowledged);
      const auto needed = durable.find(expected->second);
      nearest = JudgeContent(expected->second, found->second, needed == durable.end() ? 0 : needed->second, acknowledged);
      right = nearest.empty();
    }
    if (!right) wrong.push_back(Quoted(path) + " " + (found == seen.entries.end() ? "is missing" : nearest));
  }
  return wrong;
}

Oracle::Verdict Oracle::Judge(const SeenTree& seen, size_t acknowledged) const {
  if (promise_ == Promise::kEachName) return {.wrong = CompareNames(seen, acknowledged), .state = acknowledged, .strangers = {}};
  const size_t begin = LastSync(acknowledged);
  const size_t end = std::min(acknowledged + 1, steps_.size());
  Verdict best;
  for (size_t state = end + 1; state-- > begin;) {
    const bool same_names = state > begin && !ChangesNames(steps_[state - 1]);
    if (same_names) continue;
    Verdict verdict = Compare(seen, state, acknowledged);
    if (verdict.wrong.empty()) return verdict;
    if (best.wrong.empty() || verdict.wrong.size() < best.wrong.size()) best = std::move(verdict);
  }
  return best;
}

std::vector<std::string> Oracle::JudgeBare(const SeenTree& mounted, const SeenTree& bare) {
  std::vector<std::string> wrong = bare.errors;
  std::map<std::string, std::string> left;  // where on the backing, and what
  for (const auto& [path, entry] : bare.entries) {
    if (!entry.directory) left.emplace(path, entry.content);
  }
  std::map<ino_t, std::vector<std::string>> files;
  for (const auto& [path, entry] : mounted.entries) {
    if (!entry.directory) files[entry.ino].push_back(path);
  }
  // First those that lie under a name of their own; what has to be spelled otherwise there is known by its content.
  std::vector<std::string> elsewhere;
  for (const auto& [ino, paths] : files) {
    const auto here = std::ranges::find_if(paths, [&](const std::string& path) {
      const auto found = left.find(path);
      return found != left.end() && found->second == mounted.entries.at(path).content;
    });
    if (here == paths.end()) {
      elsewhere.push_back(paths.front());
    } else {
      left.erase(*here);
    }
  }
  for (const std::string& path : elsewhere) {
    const auto found = std::ranges::find_if(left, [&](const auto& other) { return other.second == mounted.entries.at(path).content; });
    if (found == left.end()) {
      wrong.push_back("on the bare backing there is no content of " + Quoted(path));
    } else {
      left.erase(found);
    }
  }
  for (const auto& [path, content] : left) wrong.push_back("on the bare backing nothing belongs to " + Describe(path, content));
  return wrong;
}

}  // namespace hardlinkfs
