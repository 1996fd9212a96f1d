// Scrub: fsck. Compares all that the catalog says with itself and with the backing, tells what is wrong, and puts right what it is told to.
// Knows no terminal and no options, and changes nothing on the backing but for making lost+found, or a home for a directory without one.
#ifndef HARDLINKFS_STORE_VOLUME_SCRUB_H_
#define HARDLINKFS_STORE_VOLUME_SCRUB_H_

#include <cstdint>
#include <string>
#include <vector>

#include "store/backing/backing.h"
#include "store/base/capabilities.h"
#include "store/base/clock.h"
#include "store/base/result.h"
#include "store/catalog/catalog.h"

namespace hardlinkfs {

inline constexpr unsigned kScrubPasses = 5;
// RETURNS: what pass 1 … kScrubPasses looks at, two or three words.
const char* ScrubPassName(unsigned pass);

struct Finding {
  enum class Weight {
    kNote,    // no damage: a mount deals with it by itself
    kMinor,   // repaired without a loss, from what is known elsewhere
    kMajor,   // the repair gives up something that cannot be read any more, or moves something to lost+found
    kBeyond,  // cannot be repaired here
  };
  unsigned pass = 0;
  Weight weight = Weight::kNote;
  std::string problem;  // a sentence without its full stop; printable, names in it are quoted
  std::string remedy;   // what a repair would do, in the imperative: "Delete"; empty for kNote and kBeyond
};

enum class Answer { kLeave, kRepair };
enum class Proceed { kGoOn, kStop };

// Who is told, and decides. Called from the thread that runs Scrub.
class ScrubListener {
 public:
  virtual ~ScrubListener() = default;
  // Once for each thing found; what is left is not asked about again. The answer to a kNote or kBeyond does not count.
  virtual Answer Found(const Finding& finding) = 0;
  // Now and then, and at the beginning and the end (done == total) of each pass. After a repair the passes may be run again.
  virtual Proceed Progress(unsigned pass, uint64_t done, uint64_t total) = 0;
};

// What is looked at; everything is borrowed. No volume may be open on it, unless nothing is repaired and nothing changes meanwhile.
struct ScrubTarget {
  Backing& backing;
  Catalog& catalog;
  BackingDirectoryRef homes;  // `.hardlinkfs/homes`
  // What the backing can do. Where that may not be tried, all that it might be able to; then nothing may be repaired.
  std::vector<Capabilities> capabilities;
  std::string uuid;  // the volume file's
  uint32_t keeper_uid = 0;
  uint32_t keeper_gid = 0;
  const Clock& clock;
};

struct ScrubSummary {
  uint64_t inodes = 0;
  uint64_t directories = 0;
  uint64_t names = 0;
  uint64_t orphans = 0;   // inodes without a name, to be removed by the next mount
  uint64_t detached = 0;  // homes that wait to be moved to their names
  uint64_t repaired = 0;
  uint64_t left = 0;  // found and not repaired; notes do not count
  bool stopped = false;
};

// Memory: a bit for each inode number, the engine's caches, and what is found damaged at once. Each repair is one commit, and the volume
// is no worse after any of them; the first marks it as not clean, so that the next session trusts nothing that it finds without a record.
// RETURNS: ESTALE (the catalog is another volume's), ENOTSUP (newer format), EUCLEAN (a table of the engine's cannot be read), EIO.
Result<ScrubSummary> Scrub(const ScrubTarget& target, ScrubListener& listener);

// RETURNS: every kind of backing that spells names in a way of its own, for a target that may not be probed.
std::vector<Capabilities> AllSpellings(size_t max_name_bytes);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_SCRUB_H_
