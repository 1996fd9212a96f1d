// The volume's own row: whose catalog this is, the seed of the slots, and the numbers that may not be given out again.
#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "store/volume/catalog_volume.h"
#include "store/volume/scrubber.h"

namespace hardlinkfs {
namespace {

constexpr size_t kNamesTried = 64;
// Numbers beyond this are not believed: they are damage, and would leave none to give out.
constexpr uint64_t kHighestNumber = uint64_t{1} << 62;

// Where the seed lies in a record of version 1 with a uuid of the usual length, see docs/format.md.
constexpr size_t kSeedOffset = 1 + 1 + 1 + 1 + 36;

std::optional<uint64_t> SeedIn(const std::string& damaged) {
  if (damaged.size() < kSeedOffset + sizeof(uint64_t)) return std::nullopt;
  uint64_t seed = 0;
  for (size_t i = sizeof seed; i-- > 0;) seed = (seed << 8) | static_cast<unsigned char>(damaged[kSeedOffset + i]);
  return seed;
}

// RETURNS: whether the names lie at the slots that the seed in use gives them.
bool SeedFits(const Engine& engine, const Catalog& catalog) {
  size_t tried = 0;
  size_t fitting = 0;
  for (ScrubRows rows(engine, keys::kNames); rows.Valid() && tried < kNamesTried; rows.Next()) {
    const Result<NameRecord> record = DecodeNameRecord(rows.key(), rows.value());
    if (!record.ok() || record->name.empty()) continue;
    ++tried;
    if (catalog.MayLieAt(*Name::From(record->name), keys::SlotOf(rows.key()))) ++fitting;
  }
  return fitting * 2 >= tried;
}

}  // namespace

Status Scrubber::CheckMeta() {
  const std::string key = keys::Meta();
  const Result<std::optional<std::string>> row = engine_.Get(key);
  if (!row.ok()) return row.error();
  const Result<MetaRecord> meta = row->has_value() ? DecodeMetaRecord(key, **row) : Result<MetaRecord>(Error{ENOENT, "no row"});
  if (meta.code() == ENOTSUP) return Error{ENOTSUP, "the catalog has a newer format than this version knows"};
  if (meta.ok() && meta->uuid != target_.uuid) return Error{ESTALE, "the catalog belongs to another volume"};
  if (meta.ok()) {
    meta_ = *meta;
    marked_ = !meta_.clean;
    catalog_.UseHashSeed(meta_.hash_seed);
    return CheckNumbers();
  }
  return RemakeMeta(*row);
}

// With a seed other than the right one, no name is where it is looked for. A few flipped bits most often leave the seed as it was.
Status Scrubber::RemakeMeta(const std::optional<std::string>& damaged) {
  const bool repair = Report(Weight::kMajor, damaged ? "The volume's record is damaged" : "The volume's record is missing", "Make it anew");
  meta_ = {.uuid = target_.uuid, .clean = false};
  std::optional<uint64_t> seed = damaged ? SeedIn(*damaged) : std::nullopt;
  if (seed) {
    catalog_.UseHashSeed(*seed);
    if (!SeedFits(engine_, catalog_)) seed.reset();
  }
  seed_ = seed ? Seed::kKnown : repair ? Seed::kNew : Seed::kUnknown;
  if (!seed) {
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random) return Error{EIO, "getrandom failed"};
    seed = random;
  }
  meta_.hash_seed = *seed;
  catalog_.UseHashSeed(*seed);
  uint64_t highest = Raw(kFirstFreeInode);
  for (ScrubRows rows(engine_, keys::kInodes); rows.Valid(); rows.Next()) {
    ++meta_.inode_count;
    const Result<InodeRecord> record = DecodeInodeRecord(rows.key(), rows.value());
    if (!record.ok() || Raw(rows.inode()) >= kHighestNumber) continue;
    highest = std::max(highest, Raw(rows.inode()));
    meta_.session = std::max({meta_.session, record->generation, record->trusted_since});
  }
  // One that was given out last may be gone already.
  meta_.next_inode = highest + 1 + kInodeNumberStretch;
  ++meta_.session;
  only_look_ = !repair;
  if (!repair) return {};
  marked_ = true;
  Transaction transaction(catalog_);
  transaction.PutMeta(meta_);
  if (Status committed = transaction.Commit(); !committed.ok()) return committed;
  return catalog_.engine().Sync();
}

Status Scrubber::CheckNumbers() {
  uint64_t highest = 0;
  uint64_t session = meta_.session;
  uint64_t count = 0;
  // Cheap beside what follows; and nothing may be made while numbers might be given out twice.
  for (ScrubRows rows(engine_, keys::kInodes); rows.Valid(); rows.Next()) {
    ++count;
    const Result<InodeRecord> record = DecodeInodeRecord(rows.key(), rows.value());
    if (!record.ok() || Raw(rows.inode()) >= kHighestNumber) continue;
    highest = std::max(highest, Raw(rows.inode()));
    session = std::max({session, record->generation, record->trusted_since});
  }
  MetaRecord right = meta_;
  if (highest >= meta_.next_inode) right.next_inode = highest + 1;
  right.next_inode = std::max(right.next_inode, Raw(kFirstFreeInode));
  right.session = session;
  // While a volume is in use, or was not unmounted, the count is not kept.
  if (meta_.clean) right.inode_count = count;
  if (right == meta_) return {};
  std::string problem = "The volume's record counts wrong:";
  const auto say = [&](const char* what, uint64_t is, uint64_t should) {
    if (is != should)
      problem.append(" ")
          .append(what)
          .append(" is ")
          .append(std::to_string(is))
          .append(", should be ")
          .append(std::to_string(should))
          .append(";");
  };
  say("the next inode number", meta_.next_inode, right.next_inode);
  say("the session", meta_.session, right.session);
  say("the number of inodes", meta_.inode_count, right.inode_count);
  problem.pop_back();
  if (!Report(Weight::kMinor, problem, "Correct")) return {};
  meta_ = right;
  Transaction transaction(catalog_);
  meta_.clean = false;
  transaction.PutMeta(meta_);
  return Apply(transaction);
}

// The number is given out with the transaction, and not before.
Result<InodeId> Scrubber::TakeNumber(Transaction& transaction) {
  MetaRecord next = meta_;
  const InodeId number{next.next_inode++};
  next.clean = false;
  transaction.PutMeta(next);
  meta_ = next;  // should the commit fail, one number is skipped
  return number;
}

}  // namespace hardlinkfs
