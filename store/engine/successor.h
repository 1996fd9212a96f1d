// Successors: a database that took the place of a damaged one without a rename, which FAT would not make in one step. The damaged one stays
// where it is; its successor lies in a folder below, and counts once a file in there says that it is complete.
#ifndef HARDLINKFS_STORE_ENGINE_SUCCESSOR_H_
#define HARDLINKFS_STORE_ENGINE_SUCCESSOR_H_

#include <optional>
#include <string>
#include <string_view>

#include "store/base/result.h"

namespace hardlinkfs {

// RETURNS: where the database of `path` lies: the last complete successor, or `path` itself.
std::string DatabaseInForce(const std::string& path);

// RETURNS: the note of the last complete successor; nullopt if there is none.
std::optional<std::string> SuccessorNote(const std::string& path);

// Makes the empty folder of the next successor, and `path` if that is missing. What is left of an attempt that did not come to its end
// goes.
Result<std::string> BeginSuccessor(const std::string& path);

// The database in `folder`, which BeginSuccessor has returned, is complete, synced and closed: it counts from now on. `note` is one line.
// Of those before it only the last is kept.
Status CompleteSuccessor(const std::string& path, const std::string& folder, std::string_view note);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_SUCCESSOR_H_
