// ScrubRows: a scan over one table of the catalog, for merging it with others. All tables are in the order of their first number.
#ifndef HARDLINKFS_STORE_VOLUME_SCRUB_ROWS_H_
#define HARDLINKFS_STORE_VOLUME_SCRUB_ROWS_H_

#include <memory>
#include <string>
#include <string_view>

#include "store/base/inode_id.h"
#include "store/catalog/keys.h"
#include "store/engine/engine.h"

namespace hardlinkfs {

// RETURNS: whether a key has a table, and the length that keys of this table have.
bool IsWellFormedKey(std::string_view key);

// Passes over keys that are not well formed. Not thread-safe.
class ScrubRows {
 public:
  // `prefix`: a table's letter, or a longer beginning of keys.
  ScrubRows(const Engine& engine, std::string_view prefix) : cursor_(engine.Scan(prefix, "")) { PassOver(); }

  bool Valid() const { return cursor_->Valid(); }
  // REQUIRES: Valid().
  std::string_view key() const { return cursor_->key(); }
  std::string_view value() const { return cursor_->value(); }
  InodeId inode() const { return keys::InodeOf(cursor_->key()); }
  void Next() {
    cursor_->Next();
    PassOver();
  }
  // Goes on to the first row of `inode` or above. RETURNS: whether that is one of `inode`.
  bool SkipTo(InodeId inode) {
    while (Valid() && this->inode() < inode) Next();
    return Valid() && this->inode() == inode;
  }
  Status status() const { return cursor_->status(); }

 private:
  void PassOver() {
    while (cursor_->Valid() && !IsWellFormedKey(cursor_->key())) cursor_->Next();
  }
  std::unique_ptr<Cursor> cursor_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_SCRUB_ROWS_H_
