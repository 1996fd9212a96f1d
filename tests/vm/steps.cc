// Contents and trees, see steps.h.
#include "tests/vm/steps.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace hardlinkfs {
namespace {

constexpr std::array<const char*, 17> kKindNames = {"create", "create unnamed", "name the unnamed", "open", "append", "sync",   "close",
                                                    "mkdir",  "rmdir",          "sync directory",   "link", "unlink", "rename", "exchange",
                                                    "settle", "rest",           "remount"};
constexpr size_t kLineBytes = 32;

std::string NineDigits(size_t number) {
  const std::string digits = std::to_string(number);
  return std::string(9 - std::min<size_t>(9, digits.size()), '0') + digits;
}

bool IsBelow(const std::string& path, const std::string& directory) { return path.starts_with(directory + "/"); }

// What `path` is called after `from` has become `to`.
std::string Moved(const std::string& path, const std::string& from, const std::string& to) {
  if (path == from) return to;
  return IsBelow(path, from) ? to + path.substr(from.size()) : path;
}

}  // namespace

std::string Describe(const Step& step) {
  std::string text = kKindNames[static_cast<size_t>(step.kind)];
  if (!step.path.empty()) text += " " + step.path;
  if (!step.to.empty()) text += " -> " + step.to;
  if (step.file != kDirectory) text += " (file " + std::to_string(step.file) + ")";
  return text;
}

// Lines of kLineBytes: the file's number and the line's.
std::string ContentOf(FileId file, size_t from, size_t bytes) {
  std::string text;
  for (size_t line = from / kLineBytes; text.size() < from % kLineBytes + bytes; ++line) {
    text += "FILE " + NineDigits(file) + " LINE " + NineDigits(line) + "..\n";
  }
  return text.substr(from % kLineBytes, bytes);
}

FileId FileOf(const std::string& content) {
  unsigned file = 0;
  if (content.size() < kContentLabel || std::sscanf(content.c_str(), "FILE %09u", &file) != 1) return kDirectory;
  return file;
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string BaseNameOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

uint32_t TreeState::CountNames(FileId file) const {
  return static_cast<uint32_t>(std::ranges::count_if(names_, [&](const auto& entry) { return entry.second == file; }));
}

bool TreeState::IsEmpty(const std::string& directory) const {
  return std::ranges::none_of(names_, [&](const auto& entry) { return IsBelow(entry.first, directory); });
}

void TreeState::Apply(const Step& step) {
  switch (step.kind) {
    case StepKind::kCreate:
      names_[step.path] = step.file;
      [[fallthrough]];
    case StepKind::kCreateUnnamed:
    case StepKind::kOpen:
      files_[step.file].open = true;
      break;
    case StepKind::kNameUnnamed:
      names_[step.path] = step.file;
      break;
    case StepKind::kAppend:
      files_[step.file].written += step.bytes;
      break;
    case StepKind::kClose:
      files_[step.file].open = false;
      break;
    case StepKind::kMakeDirectory:
      names_[step.path] = kDirectory;
      break;
    case StepKind::kLink:
      names_[step.to] = names_.at(step.path);
      break;
    case StepKind::kUnlink:
    case StepKind::kRemoveDirectory:
      names_.erase(step.path);
      break;
    case StepKind::kRename:
    case StepKind::kExchange: {
      std::map<std::string, FileId> after;
      for (const auto& [path, file] : names_) {
        if (step.kind == StepKind::kRename && path == step.to) continue;
        const bool other = step.kind == StepKind::kExchange && (path == step.to || IsBelow(path, step.to));
        after[other ? Moved(path, step.to, step.path) : Moved(path, step.path, step.to)] = file;
      }
      names_ = std::move(after);
      break;
    }
    case StepKind::kSync:
    case StepKind::kSyncDirectory:
    case StepKind::kSettle:
    case StepKind::kRest:
    case StepKind::kRemount:
      break;
  }
}

}  // namespace hardlinkfs
