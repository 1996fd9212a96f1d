// Entries of FAT that have lost their long names. A long name lies before its entry, often in the block before: of one that was being removed
// when the power went, the disk may have the name gone already and the entry not. It is shown by its short name then ("LETTER~1.TXT"), which
// nobody was told.
#include <spdlog/spdlog.h>

#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/volume/volume.h"

namespace hardlinkfs {
namespace {

// As vfat_create_shortname of Linux ends it where there is a long name too: with a tilde and a number.
bool IsShortName(const BackingName& name) {
  const std::string base = name.bytes().substr(0, name.bytes().rfind('.'));
  const size_t end = base.find_last_not_of("0123456789");
  return end != std::string::npos && base[end] == '~' && end + 1 < base.size();
}

}  // namespace

// RETURNS: whether it is what the intent is about: a file by its size and time, a directory by what lives in it. One in which nothing known lives
// may be it too: the cut may have taken the records.
Result<Volume::Likeness> Volume::Compare(const IntentRecord& intent, const BackingDirectoryRef& in, const BackingName& name,
                                         const BackingStat& seen) {
  if (seen.type == FileType::kRegular) {
    return seen.size != 0 && seen.size == intent.size && seen.mtime == intent.mtime ? Likeness::kYes : Likeness::kNo;
  }
  const Result<BackingDirectoryRef> directory = backing_.OpenDirectory(in, name);
  if (!directory.ok()) return directory.error();
  bool is_empty = true;
  bool is_known = false;
  const Status listed = backing_.List(*directory, [&](const BackingEntry& entry) {
    is_empty = false;
    is_known = catalog_.FindHome({intent.inode, entry.name}).ok();
    return !is_known;
  });
  if (!listed.ok()) return listed.error();
  if (is_known) return Likeness::kYes;
  return is_empty ? Likeness::kEmpty : Likeness::kPerhaps;
}

// RETURNS: what lies where the move began, without a record and under a short name, and is most like what was to be moved; nothing if that may be
// said of several. Of empty directories one is as good as another.
Result<std::optional<Volume::Spot>> Volume::FindTorn(const IntentRecord& intent, FileType type) {
  const std::optional<Spot> nothing;
  if (!IsFat()) return nothing;
  const InodeId directory = intent.from.directory;
  const Result<BackingDirectoryRef> in = directories_.Open(directory);
  if (in.code() == ENOENT || in.code() == ENOTDIR) return nothing;
  if (!in.ok()) return in.error();
  std::vector<BackingName> short_names;
  const Status listed = backing_.List(*in, [&](const BackingEntry& entry) {
    if (IsShortName(entry.name)) short_names.push_back(entry.name);
    return true;
  });
  if (!listed.ok()) return listed.error();
  std::map<Likeness, std::vector<Spot>> found;
  for (const BackingName& name : short_names) {
    const Place place{directory, name};
    const Result<InodeId> resident = catalog_.FindHome(place);
    if (resident.ok()) continue;
    if (resident.code() != ENOENT) return resident.error();
    const Result<BackingStat> seen = backing_.Stat(*in, name);
    if (!seen.ok() && seen.code() != ENOENT) return seen.error();
    if (!seen.ok() || seen->type != type) continue;
    const Result<Likeness> likeness = Compare(intent, *in, name, *seen);
    if (!likeness.ok()) return likeness.error();
    if (*likeness != Likeness::kNo) found[*likeness].push_back({place, *seen});
  }
  if (found.empty()) return nothing;
  const auto& [likeness, spots] = *found.rbegin();
  if (spots.size() == 1 || likeness == Likeness::kEmpty) return std::optional(spots.front());
  spdlog::warn("inode {} was being moved, and may be any of {} entries with short names: none is taken", Raw(intent.inode), spots.size());
  return nothing;
}

}  // namespace hardlinkfs
