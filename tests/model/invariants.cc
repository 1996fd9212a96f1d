// Reads all tables into maps and compares them: slow, and independent of the code that it judges.
#include "tests/model/invariants.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "store/backing/name_codec.h"
#include "store/catalog/keys.h"

namespace hardlinkfs {
namespace {

std::string Show(InodeId inode) { return "#" + std::to_string(Raw(inode)); }
std::string Show(const Place& place) { return Show(place.directory) + "/" + place.name.bytes(); }

struct NameKey {
  InodeId directory{};
  Slot slot{};
  auto operator<=>(const NameKey&) const = default;
};

class Judge {
 public:
  Judge(Machine& machine, Moment moment) : machine_(machine), engine_(machine.engine()), moment_(moment), codec_(machine.capabilities()) {}

  std::vector<std::string> Run() {
    Load();
    Names();
    Links();
    Homes();
    SmallTables();
    Backing();
    if (moment_ == Moment::kStopped) Stopped();
    return wrong_;
  }

 private:
  void Wrong(const std::string& what) { wrong_.push_back(what); }

  template <typename Row>
  void Scan(std::string_view table, const Row& row) {
    for (const auto cursor = engine_.Scan(table, ""); cursor->Valid(); cursor->Next()) row(cursor->key(), cursor->value());
  }

  void Load() {
    Scan(keys::kInodes, [&](std::string_view key, std::string_view value) {
      const auto record = DecodeInodeRecord(key, value);
      if (!record.ok()) return Wrong("unreadable record of " + Show(keys::InodeOf(key)));
      inodes_[keys::InodeOf(key)] = *record;
    });
    Scan(keys::kNames, [&](std::string_view key, std::string_view value) {
      const auto row = DecodeNameRecord(key, value);
      if (!row.ok()) return Wrong("unreadable name");
      if (row->name.empty()) return;
      names_[{keys::InodeOf(key), keys::SlotOf(key)}] = *row;
      names_of_[row->inode].push_back({keys::InodeOf(key), keys::SlotOf(key), *row});
    });
    Scan("L", [&](std::string_view key, std::string_view) {
      links_.emplace(keys::InodeOf(key), keys::DirectoryOfLink(key), keys::SlotOf(key));
    });
    Scan(keys::kHomes, [&](std::string_view key, std::string_view value) {
      const auto inode = DecodeInode(key, value);
      if (!inode.ok()) return Wrong("unreadable home");
      homes_[{keys::InodeOf(key), BackingName(std::string(keys::TailOf(key)))}] = *inode;
    });
    Scan(keys::kOrphans, [&](std::string_view key, std::string_view) { orphans_.insert(keys::InodeOf(key)); });
    Scan(keys::kDetached, [&](std::string_view key, std::string_view) { detached_.insert(keys::InodeOf(key)); });
    Scan(keys::kIntents, [&](std::string_view key, std::string_view) { intents_.insert(keys::InodeOf(key)); });
  }

  void Names() {
    std::set<std::pair<InodeId, std::string>> seen;
    for (const auto& [key, row] : names_) {
      const std::string name = Show(key.directory) + "/" + row.name;
      if (!seen.insert({key.directory, row.name}).second) Wrong(name + " exists twice");
      if (!links_.contains({row.inode, key.directory, key.slot})) Wrong(name + " has no backward row");
      const auto inode = inodes_.find(row.inode);
      if (inode == inodes_.end()) {
        Wrong(name + " names " + Show(row.inode) + ", which does not exist");
      } else if (inode->second.type != row.type) {
        Wrong(name + " has another type than its inode");
      }
      const auto directory = inodes_.find(key.directory);
      if (directory == inodes_.end() || directory->second.type != FileType::kDirectory) Wrong(name + " lies in no directory");
    }
    for (const auto& [inode, directory, slot] : links_) {
      const auto name = names_.find({directory, slot});
      if (name == names_.end() || name->second.inode != inode) Wrong("backward row of " + Show(inode) + " without its name");
    }
  }

  void Links() {
    for (const auto& [inode, record] : inodes_) {
      const size_t names = names_of_.contains(inode) ? names_of_[inode].size() : 0;
      if (record.type != FileType::kDirectory) {
        if (record.nlink != names)
          Wrong(Show(inode) + " has nlink " + std::to_string(record.nlink) + " and names " + std::to_string(names));
      } else {
        DirectoryLinks(inode, record, names);
      }
      if ((record.nlink == 0) != orphans_.contains(inode)) Wrong(Show(inode) + " is an orphan or is not, against its nlink");
    }
    if (machine_.volume().inode_count() != inodes_.size()) {
      std::string all;
      for (const auto& [inode, record] : inodes_) {
        all += " " + Show(inode);
        if (names_of_.contains(inode)) all += "=" + names_of_[inode][0].record.name;
      }
      Wrong("inode_count is " + std::to_string(machine_.volume().inode_count()) + " of " + std::to_string(inodes_.size()) + ":" + all);
    }
  }

  void DirectoryLinks(InodeId inode, const InodeRecord& record, size_t names) {
    const size_t expected = inode == kRootInode || record.nlink == 0 ? 0 : 1;
    if (names != expected) Wrong("directory " + Show(inode) + " has names: " + std::to_string(names));
    if (names == 1 && names_of_[inode][0].directory != record.parent) Wrong(Show(inode) + " has a wrong parent");
    uint32_t subdirectories = 0;
    bool empty = true;
    for (auto name = names_.lower_bound({inode, Slot{0}}); name != names_.end() && name->first.directory == inode; ++name) {
      subdirectories += name->second.type == FileType::kDirectory ? 1 : 0;
      empty = false;
    }
    if (record.nlink == 0 && !empty) Wrong("removed directory " + Show(inode) + " has names in it");
    if (record.nlink != 0 && record.nlink != 2 + subdirectories) {
      Wrong(Show(inode) + " has nlink " + std::to_string(record.nlink) + " and subdirectories " + std::to_string(subdirectories));
    }
  }

  void Homes() {
    for (const auto& [place, inode] : homes_) {
      const auto record = inodes_.find(inode);
      if (record == inodes_.end()) {
        Wrong("home " + Show(place) + " of " + Show(inode) + ", which does not exist");
      } else if (record->second.home != place) {
        Wrong("home " + Show(place) + " is not what " + Show(inode) + " says");
      }
    }
    for (const auto& [inode, record] : inodes_) {
      const bool keeps_content = record.type == FileType::kRegular || record.type == FileType::kDirectory;
      if (inode != kRootInode && keeps_content && !record.home.has_value()) Wrong(Show(inode) + " has no home");
      if (!record.home.has_value()) continue;
      if (!homes_.contains(*record.home)) Wrong("no row for the home " + Show(*record.home) + " of " + Show(inode));
      if (record.nlink > 0 && !IsAtName(inode, record) && !detached_.contains(inode)) {
        Wrong(Show(inode) + " lies at " + Show(*record.home) + ", which is none of its names, and is not marked as detached");
      }
    }
  }

  bool IsAtName(InodeId inode, const InodeRecord& record) {
    return std::ranges::any_of(names_of_[inode], [&](const NameRow& row) {
      const Result<Name> name = Name::From(row.record.name);
      return row.directory == record.home->directory && name.ok() &&
             (codec_.Spells(record.home->name, *name) || record.home->name.bytes() == row.record.name);
    });
  }

  void SmallTables() {
    for (const InodeId inode : orphans_) {
      if (!inodes_.contains(inode)) Wrong("orphan " + Show(inode) + " does not exist");
    }
    for (const InodeId inode : detached_) {
      if (!inodes_.contains(inode)) Wrong("detached " + Show(inode) + " does not exist");
    }
    for (const InodeId inode : intents_) Wrong("an intent of " + Show(inode) + " is left");
    Scan("X", [&](std::string_view key, std::string_view) {
      if (!inodes_.contains(keys::InodeOf(key))) Wrong("xattr of " + Show(keys::InodeOf(key)) + ", which does not exist");
    });
    Scan("T", [&](std::string_view key, std::string_view) {
      const auto inode = inodes_.find(keys::InodeOf(key));
      if (inode == inodes_.end() || inode->second.type != FileType::kSymlink) Wrong("target of no symlink: " + Show(keys::InodeOf(key)));
    });
  }

  // Walks the backing from its root; every entry has to be somebody's home, and every home an entry.
  void Backing() {
    std::set<Place> found;
    Walk(kRootInode, machine_.backing().root(), found);
    Walk(kHomesDirectory, machine_.homes(), found);
    for (const auto& [place, inode] : homes_) {
      // Of an orphan the content goes first, and then the record.
      if (!found.contains(place) && !orphans_.contains(inode))
        Wrong("home " + Show(place) + " of " + Show(inode) + " is not on the backing");
    }
  }

  void Walk(InodeId directory, const BackingDirectoryRef& ref, std::set<Place>& found) {
    std::vector<BackingEntry> entries;
    const Status listed = machine_.backing().List(ref, [&](const BackingEntry& entry) {
      entries.push_back(entry);
      return true;
    });
    if (!listed.ok()) return Wrong("cannot list " + Show(directory));
    for (const BackingEntry& entry : entries) {
      if (directory == kRootInode && entry.name.bytes() == kPrivateAreaName) continue;
      const Place place{directory, entry.name};
      found.insert(place);
      const auto home = homes_.find(place);
      if (home == homes_.end()) {
        Wrong("nobody knows " + Show(place));
        continue;
      }
      const auto record = inodes_.find(home->second);
      if (record == inodes_.end()) continue;
      if (record->second.type != entry.type) Wrong("home " + Show(place) + " is of another type");
      if (entry.type != FileType::kDirectory) continue;
      const auto below = machine_.backing().OpenDirectory(ref, entry.name);
      if (below.ok()) Walk(home->second, *below, found);
    }
  }

  void Stopped() {
    if (!orphans_.empty()) Wrong("orphans are left: " + Show(*orphans_.begin()));
    if (!detached_.empty()) Wrong("detached homes are left: " + Show(*detached_.begin()));
    for (const auto& [place, inode] : homes_) {
      if (place.directory == kHomesDirectory) Wrong(Show(inode) + " is left in homes");
      const auto record = inodes_.find(inode);
      if (record == inodes_.end()) continue;
      if (!IsAtName(inode, record->second)) Wrong(Show(inode) + " lies at " + Show(place) + ", which is none of its names");
      const bool may_clash = !machine_.capabilities().case_sensitive;
      const bool natural = std::ranges::any_of(names_of_[inode], [&](const NameRow& row) {
        const Result<Name> name = Name::From(row.record.name);
        return name.ok() && (codec_.Natural(*name) == place.name || row.record.name == place.name.bytes());
      });
      if (!natural && !may_clash) Wrong(Show(inode) + " has an alternate spelling without need: " + Show(place));
    }
  }

  Machine& machine_;
  Engine& engine_;
  const Moment moment_;
  const NameCodec codec_;
  std::vector<std::string> wrong_;

  std::map<InodeId, InodeRecord> inodes_;
  std::map<NameKey, NameRecord> names_;
  std::map<InodeId, std::vector<NameRow>> names_of_;
  std::set<std::tuple<InodeId, InodeId, Slot>> links_;
  std::map<Place, InodeId> homes_;
  std::set<InodeId> orphans_, detached_, intents_;
};

}  // namespace

std::vector<std::string> BrokenInvariants(Machine& machine, Moment moment) { return Judge(machine, moment).Run(); }

}  // namespace hardlinkfs
