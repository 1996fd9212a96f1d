// The keys of the catalog: one letter for the table, then fixed big-endian numbers, so that rows of one directory or inode lie together.
//
//   M                          MetaRecord          the volume
//   I inode                    InodeRecord         an inode
//   N directory slot           NameRecord          a name; slot = hash of the name, also the readdir offset
//   L inode directory slot     (empty)             the names of an inode, backwards
//   H directory backing-name   inode               who lives at a place of the backing
//   X inode xattr-name         bytes               an extended attribute
//   T inode                    bytes               a symlink's target
//   O inode                    (empty)             has no name left (or none yet): to be reclaimed when the last user goes
//   D inode                    (empty)             detached: its home is not where one of its names says
//   J inode                    IntentRecord        its home is being moved
#ifndef HARDLINKFS_STORE_CATALOG_KEYS_H_
#define HARDLINKFS_STORE_CATALOG_KEYS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "store/base/inode_id.h"
#include "store/base/name.h"
#include "store/base/place.h"

namespace hardlinkfs {

// A row of a directory: a position in it. 1 … 2^63 - 1, so that it fits a readdir offset (off_t > 0; 1 and 2 are kept for "." and "..").
// The low three bits tell names of equal hash apart.
enum class Slot : uint64_t {};
constexpr uint64_t Raw(Slot slot) { return static_cast<uint64_t>(slot); }
// How many names of one directory may share a hash.
inline constexpr unsigned kChainLength = 8;

namespace keys {

std::string Meta();
std::string Inode(InodeId inode);
std::string NamePrefix(InodeId directory);
std::string NameAt(InodeId directory, Slot slot);
std::string LinkPrefix(InodeId inode);
std::string Link(InodeId inode, InodeId directory, Slot slot);
std::string HomePrefix(InodeId directory);
std::string Home(const Place& place);
std::string XattrPrefix(InodeId inode);
std::string Xattr(InodeId inode, std::string_view name);
std::string Target(InodeId inode);
std::string Orphan(InodeId inode);
std::string Detached(InodeId inode);
std::string Intent(InodeId inode);

// The prefixes of whole tables.
inline constexpr std::string_view kInodes = "I", kOrphans = "O", kDetached = "D", kIntents = "J", kNames = "N", kHomes = "H", kLinks = "L",
                                  kXattrs = "X", kTargets = "T";

// Parts of a key that one of the functions above made. REQUIRES: that it did.
InodeId InodeOf(std::string_view key);  // the first number: of every table but M
InodeId DirectoryOfLink(std::string_view key);
Slot SlotOf(std::string_view key);              // of N and L: the last number
std::string_view TailOf(std::string_view key);  // of H and X: the bytes after the first number

}  // namespace keys
}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_CATALOG_KEYS_H_
