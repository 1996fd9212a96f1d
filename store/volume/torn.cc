// Entries of FAT that have lost their long names. A long name lies before its entry, often in the block before: of one that was being
// removed when the power went, the disk may have the name gone already and the entry not. It is shown by its short name then
// ("LETTER~1.TXT"), which nobody was told.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/backing/case_fold.h"
#include "store/volume/catalog_volume.h"

namespace hardlinkfs {
namespace {

constexpr size_t kHomesConsidered = 1024;  // of a directory: more than a batch has moves

// As vfat_create_shortname of Linux ends it where there is a long name too: with a tilde and a number; or, where the long name is there for
// its small letters alone, without them. (Such an entry is found by either name, but not with iocharset=utf8.)
bool MayBeShortNameOf(const BackingName& was, const BackingName& name) {
  if (name != was && CaseFold(name.bytes()) == CaseFold(was.bytes())) return true;
  const std::string base = name.bytes().substr(0, name.bytes().rfind('.'));
  const size_t end = base.find_last_not_of("0123456789");
  return end != std::string::npos && base[end] == '~' && end + 1 < base.size();
}

struct Entries {
  size_t all = 0;
  size_t known = 0;
};

// RETURNS: how many entries a directory has, and of how many the catalog says that they live in that inode.
Result<Entries> CountEntries(Backing& backing, const Catalog& catalog, InodeId inode, const BackingDirectoryRef& in,
                             const BackingName& name) {
  const Result<BackingDirectoryRef> directory = backing.OpenDirectory(in, name);
  if (!directory.ok()) return directory.error();
  Entries entries;
  const Status listed = backing.List(*directory, [&](const BackingEntry& entry) {
    ++entries.all;
    if (catalog.FindHome({inode, entry.name}).ok()) ++entries.known;
    return true;
  });
  if (!listed.ok()) return listed.error();
  return entries;
}

}  // namespace

// RETURNS: whether it is what the intent is about: a file by its size and time, a directory by what lives in it. One in which nothing known
// lives may be it too: the cut may have taken the records.
Result<CatalogVolume::Likeness> CatalogVolume::Compare(const IntentRecord& intent, const BackingDirectoryRef& in, const BackingName& name,
                                                       const BackingStat& seen) {
  if (seen.type == FileType::kRegular) {
    return seen.size != 0 && seen.size == intent.size && seen.mtime == intent.mtime ? Likeness::kYes : Likeness::kNo;
  }
  const Result<Entries> entries = CountEntries(backing_, catalog_, intent.inode, in, name);
  if (!entries.ok()) return entries.error();
  if (entries->known > 0) return Likeness::kYes;
  return entries->all == 0 ? Likeness::kEmpty : Likeness::kPerhaps;
}

// RETURNS: whether what the intent's inode holds lies there, a directory.
Result<bool> CatalogVolume::IsKnownBy(const IntentRecord& intent, const Place& place) {
  const Result<BackingDirectoryRef> in = directories_.Open(place.directory);
  if (!in.ok()) return in.error();
  const Result<BackingStat> seen = backing_.Stat(*in, place.name);
  if (!seen.ok()) return seen.error();
  const Result<Likeness> likeness = Compare(intent, *in, place.name, *seen);
  if (!likeness.ok()) return likeness.error();
  return *likeness == Likeness::kYes;
}

// RETURNS: whether all that lives in the directory is being moved, and may be elsewhere by now, or was removed, and may be gone.
Result<bool> CatalogVolume::MayBeWithoutKnown(InodeId directory) const {
  const auto homes = catalog_.ListHomes(directory, std::nullopt, kHomesConsidered);
  if (!homes.ok()) return homes.error();
  if (homes->size() == kHomesConsidered) return false;  // too many to be sure
  const auto intents = catalog_.ListIntents();
  if (!intents.ok()) return intents.error();
  for (const auto& [name, inode] : *homes) {
    if (std::ranges::find(*intents, inode, &IntentRecord::inode) != intents->end()) continue;
    const Result<bool> orphan = catalog_.IsOrphan(inode);
    if (!orphan.ok()) return orphan.error();
    if (!*orphan) return false;
  }
  return true;
}

// RETURNS: whether something lives in the directory that another inode holds, one that is also being moved from there.
Result<bool> CatalogVolume::IsKnownByAnother(const IntentRecord& intent, const Place& place) {
  const auto intents = catalog_.ListIntents();
  if (!intents.ok()) return intents.error();
  for (const IntentRecord& other : *intents) {
    if (other.inode == intent.inode || other.from.directory != place.directory) continue;
    const Result<bool> known = IsKnownBy(other, place);
    if (!known.ok()) return known.error();
    if (*known) return true;
  }
  return false;
}

// RETURNS: what lies where the move began, without a record and under a short name, and is most like what was to be moved; nothing if that
// may be said of several. Of empty directories one is as good as another.
Result<std::optional<CatalogVolume::Spot>> CatalogVolume::FindTorn(const IntentRecord& intent, FileType type) {
  const std::optional<Spot> nothing;
  if (!IsFat()) return nothing;
  const InodeId directory = intent.from.directory;
  const Result<BackingDirectoryRef> in = directories_.Open(directory);
  if (in.code() == ENOENT || in.code() == ENOTDIR) return nothing;
  if (!in.ok()) return in.error();
  std::vector<BackingName> short_names;
  const Status listed = backing_.List(*in, [&](const BackingEntry& entry) {
    if (MayBeShortNameOf(intent.from.name, entry.name)) short_names.push_back(entry.name);
    return true;
  });
  if (!listed.ok()) return listed.error();
  std::map<Likeness, std::vector<Spot>> found;
  for (const BackingName& name : short_names) {
    const Place place{directory, name};
    if (catalog_.FindHome(place).code() != ENOENT) continue;  // another's, or perhaps another's
    const Result<BackingStat> seen = backing_.Stat(*in, name);
    if (!seen.ok() || seen->type != type) continue;  // what cannot be looked at keeps nobody else from what is his
    const Result<Likeness> likeness = Compare(intent, *in, name, *seen);
    if (!likeness.ok() || *likeness == Likeness::kNo) continue;
    if (*likeness == Likeness::kPerhaps) {
      const Result<bool> anothers = IsKnownByAnother(intent, place);
      if (!anothers.ok()) return anothers.error();
      if (*anothers) continue;
    }
    found[*likeness].push_back({place, *seen});
  }
  if (found.empty()) return nothing;
  const auto& [likeness, spots] = *found.rbegin();
  if (likeness != Likeness::kYes) {
    const Result<bool> may_be = MayBeWithoutKnown(intent.inode);
    if (!may_be.ok()) return may_be.error();
    if (!*may_be) return nothing;
  }
  if (spots.size() == 1 || likeness == Likeness::kEmpty) return std::optional(spots.front());
  // Names like "src" are in many: that with most of its entries.
  std::map<size_t, std::vector<Spot>> by_entries;
  for (const Spot& spot : spots) {
    const bool is_directory = type == FileType::kDirectory;
    const Result<Entries> entries = is_directory ? CountEntries(backing_, catalog_, intent.inode, *in, spot.place.name) : Entries();
    by_entries[entries.ok() ? entries->known : 0].push_back(spot);
  }
  if (by_entries.rbegin()->second.size() == 1) return std::optional(by_entries.rbegin()->second.front());
  spdlog::warn("inode {} was being moved, and may be any of {} entries with short names: none is taken", Raw(intent.inode), spots.size());
  return nothing;
}

}  // namespace hardlinkfs
