// Engine: ordered keys with atomic batches and explicit durability; all that hardlinkfs asks of a database.
// Implementations: RocksdbEngine (the default), MemoryEngine (reference; forgets what was not synced on demand).
#ifndef HARDLINKFS_STORE_ENGINE_ENGINE_H_
#define HARDLINKFS_STORE_ENGINE_ENGINE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/base/result.h"

namespace hardlinkfs {

// Edits that become visible and durable together or not at all; of two edits of one key the later counts.
class Batch {
 public:
  struct Edit {
    std::string key;
    std::optional<std::string> value;  // nullopt deletes the key; deleting an absent key is no error
  };

  void Put(std::string key, std::string value) { edits_.push_back({std::move(key), std::move(value)}); }
  void Delete(std::string key) { edits_.push_back({std::move(key), std::nullopt}); }
  const std::vector<Edit>& edits() const { return edits_; }
  bool empty() const { return edits_.empty(); }

 private:
  std::vector<Edit> edits_;
};

// A forward scan over a consistent snapshot taken when the cursor was made. Not thread-safe; must not outlive its engine.
class Cursor {
 public:
  virtual ~Cursor() = default;
  // RETURNS: whether key() and value() may be read. False at the end and after an error: ask status() then.
  virtual bool Valid() const = 0;
  virtual std::string_view key() const = 0;    // REQUIRES: Valid(); until Next()
  virtual std::string_view value() const = 0;  // REQUIRES: Valid(); until Next()
  virtual void Next() = 0;                     // REQUIRES: Valid()
  virtual Status status() const = 0;           // EIO, EUCLEAN (checksum)
};

// Keys are ordered as unsigned bytes. Thread safety: every function from any thread.
class Engine {
 public:
  virtual ~Engine() = default;

  // RETURNS: the value, or nullopt if there is none; EIO, EUCLEAN (the engine's own checksum failed).
  virtual Result<std::optional<std::string>> Get(std::string_view key) const = 0;

  // RETURNS: a cursor over the keys that begin with `prefix` and are >= `from` (from "" means from the first).
  virtual std::unique_ptr<Cursor> Scan(std::string_view prefix, std::string_view from) const = 0;

  // Applies `batch` atomically, after all commits that returned before. When it returns, the commit survives the death of the
  // process; a power cut loses the commits since the last Sync, or a suffix of them, never one out of the middle.
  // RETURNS: EIO, ENOSPC, EDQUOT, EROFS (after a failed Sync); on error nothing of the batch is visible. After an EIO an engine may refuse
  // all that follow for a while, or until it is opened anew.
  virtual Status Commit(const Batch& batch) = 0;

  // `action` is called, in a thread of the engine's, before commits become durable without a Sync; if it fails they do not, and the engine
  // takes no more commits until it is opened anew. It must not commit, sync, or wait for somebody who does. Empty: none; when that
  // returns, no action is under way or will be.
  virtual void SetBeforePersist(std::function<Status()> action) = 0;

  // Makes every commit that returned before the call durable. A failed Sync is never retried as if it had succeeded: after one,
  // Commit and Sync fail with EROFS until the engine is opened anew. `chosen` is called once it is settled which commits these are: those
  // that come later may be lost in a power cut all the same. Not called when nothing could be begun (ENOSPC, or EIO of a write): then it can be
  // asked again.
  virtual Status Sync(const std::function<void()>& chosen) = 0;
  Status Sync() {
    return Sync([] {});
  }
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_ENGINE_H_
