#include "store/engine/successor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <system_error>

#include "store/base/unique_fd.h"
#include "store/engine/lenient_directories.h"

namespace hardlinkfs {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "restored-";
constexpr char kCompleteName[] = "complete";
constexpr size_t kLongestNote = 1024;

std::string FormatNote(std::string_view note) {
  std::array<char, 17> hex{};
  std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(XXH3_64bits(note.data(), note.size())));
  return std::string(note) + "\nchecksum = " + hex.data() + "\n";
}

// RETURNS: nullopt for a folder that is not complete. Of one that cannot be looked at nobody knows: it counts, since what is in it may be
// newer than all else; the note is empty then.
std::optional<std::string> NoteOf(const fs::path& folder) {
  const UniqueFd file(open((folder / kCompleteName).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  if (!file.valid()) return errno == ENOENT ? std::nullopt : std::optional(std::string());
  std::string text(kLongestNote + 64, '\0');
  const ssize_t got = read(file.get(), text.data(), text.size());
  if (got < 0) return std::string();
  text.resize(static_cast<size_t>(got));
  const std::string note = text.substr(0, text.find('\n'));
  if (text.empty() || FormatNote(note) != text) return std::nullopt;
  return note;
}

// RETURNS: the folders by their numbers, complete or not.
std::map<uint64_t, fs::path> Folders(const std::string& path) {
  std::map<uint64_t, fs::path> folders;
  std::error_code ignored;
  for (fs::directory_iterator entry(path, ignored), end; entry != end; entry.increment(ignored)) {
    const std::string name = entry->path().filename();
    if (!name.starts_with(kPrefix)) continue;
    uint64_t number = 0;
    const char* const last = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + kPrefix.size(), last, number);
    if (parsed.ec == std::errc() && parsed.ptr == last) folders.emplace(number, entry->path());
  }
  return folders;
}

std::optional<std::pair<fs::path, std::string>> Last(const std::string& path) {
  const std::map<uint64_t, fs::path> folders = Folders(path);
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    if (const auto note = NoteOf(folder->second)) return std::pair(folder->second, *note);
  }
  return std::nullopt;
}

bool IsOfDatabase(const std::string& name) {
  constexpr std::array<std::string_view, 5> kPrefixes{"CURRENT", "MANIFEST-", "OPTIONS-", "IDENTITY", "LOG"};
  constexpr std::array<std::string_view, 3> kSuffixes{".sst", ".log", ".dbtmp"};
  return std::ranges::any_of(kPrefixes, [&](std::string_view prefix) { return name.starts_with(prefix); }) ||
         std::ranges::any_of(kSuffixes, [&](std::string_view suffix) { return name.ends_with(suffix); });
}

Status SyncFolder(const fs::path& path) {
  const UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return Error{errno, "successor: open of a folder"};
  if (SyncLenientDirectory(folder.get())) return {};
  return Error{errno, "successor: fsync of a folder"};
}

Status MakeFolder(const fs::path& path) {
  if (mkdir(path.c_str(), 0700) != 0) return errno == EEXIST ? Status() : Status(Error{errno, "successor: mkdir"});
  return SyncFolder(path / "..");
}

}  // namespace

std::string DatabaseInForce(const std::string& path) {
  const auto last = Last(path);
  return last.has_value() ? last->first.string() : path;
}

std::optional<std::string> SuccessorNote(const std::string& path) {
  const auto last = Last(path);
  return last.has_value() ? std::optional(last->second) : std::nullopt;
}

Result<std::string> BeginSuccessor(const std::string& path) {
  if (Status made = MakeFolder(path); !made.ok()) return made.error();
  uint64_t next = 1;
  for (const auto& [number, folder] : Folders(path)) {
    // One with a mark that is damaged may have been in force for long.
    std::error_code none;
    const uintmax_t mark = fs::file_size(folder / kCompleteName, none);
    if (NoteOf(folder).has_value() || (!none && mark > 0)) {
      next = number + 1;
      continue;
    }
    std::error_code failed;
    fs::remove_all(folder, failed);
    if (failed) return Error{failed.value(), "successor: removing an unfinished one"};
  }
  const fs::path folder = fs::path(path) / (std::string(kPrefix) + std::to_string(next));
  if (Status made = MakeFolder(folder); !made.ok()) return made.error();
  return folder.string();
}

Status CompleteSuccessor(const std::string& path, const std::string& folder, std::string_view note) {
  const std::string before = DatabaseInForce(path);
  const std::string text = FormatNote(note.substr(0, kLongestNote));
  {
    const UniqueFd file(open((fs::path(folder) / kCompleteName).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.valid()) return Error{errno, "successor: open"};
    if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return Error{ENOSPC, "successor: write"};
    if (fsync(file.get()) != 0) return Error{errno, "successor: fsync"};
  }
  if (Status synced = SyncFolder(folder); !synced.ok()) return synced;
  // The one that was in force until now is kept; it may still tell something.
  std::error_code ignored;
  for (const auto& [number, other] : Folders(path)) {
    if (other != before && other != folder) fs::remove_all(other, ignored);
  }
  if (before == path) return {};
  for (fs::directory_iterator entry(path, ignored), end; entry != end; entry.increment(ignored)) {
    std::error_code failed;
    if (IsOfDatabase(entry->path().filename())) fs::remove(entry->path(), failed);
  }
  return {};
}

}  // namespace hardlinkfs
