#include "store/engine/log_records.h"

#include <rocksdb/file_checksum.h>

#include <bit>

#include "store/engine/little_endian.h"

namespace hardlinkfs {
namespace {

using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr size_t kHeaderBytes = 7;
constexpr size_t kTypeAt = 6;  // behind the checksum, and in it
enum : uint8_t { kZero = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4, kFirstRecycled = 5, kLastRecycled = 8 };

// RocksDB masks a checksum that is stored, as a CRC of what holds its own CRC is of little use (util/crc32c.h).
uint32_t MaskedCrc32c(const Slice& bytes) {
  constexpr uint32_t kMaskDelta = 0xa282ead8;
  const std::unique_ptr<rocksdb::FileChecksumGenerator> generator =
      rocksdb::GetFileChecksumGenCrc32cFactory()->CreateFileChecksumGenerator({});
  generator->Update(bytes.data(), bytes.size());
  generator->Finalize();
  uint32_t crc = 0;
  for (const char byte : generator->GetChecksum()) crc = (crc << 8) | static_cast<uint8_t>(byte);
  return std::rotr(crc, 15) + kMaskDelta;
}

}  // namespace

IOStatus LogRecords::Next(std::string& record) {
  record.clear();
  bool is_begun = false;
  for (;;) {
    Fragment fragment;
    if (IOStatus read = NextFragment(fragment); !read.ok()) return read;
    const bool begins = fragment.type == kFull || fragment.type == kFirst;
    if (begins == is_begun) return IOStatus::NotFound("a record without beginning or end");
    is_begun = true;
    record.append(fragment.content.data(), fragment.content.size());
    if (fragment.type == kFirst || fragment.type == kMiddle) continue;
    end_ = block_end_ - left_.size();
    return IOStatus::OK();
  }
}

IOStatus LogRecords::NextFragment(Fragment& fragment) {
  while (left_.size() < kHeaderBytes) {
    if (IOStatus read = NextBlock(); !read.ok()) return read;
  }
  std::string_view header = left_.ToStringView();
  const auto checksum = TakeLittle<uint32_t>(header);
  const auto length = TakeLittle<uint16_t>(header);
  fragment.type = TakeLittle<uint8_t>(header);
  if (length > left_.size() - kHeaderBytes) return IOStatus::NotFound("a fragment that is cut off");
  if (fragment.type == kZero && length == 0) return IOStatus::NotFound("nothing was written");
  // Of a log that is written over an older one each header has 4 bytes more.
  const size_t more = fragment.type >= kFirstRecycled && fragment.type <= kLastRecycled ? 4 : 0;
  if (more > left_.size() - kHeaderBytes - length) return IOStatus::NotFound("a fragment that is cut off");
  if (MaskedCrc32c({left_.data() + kTypeAt, length + 1 + more}) != checksum) return IOStatus::NotFound("a damaged fragment");
  if (fragment.type > kLast) {
    // Behind the beginning it is what blocks held that were never written.
    if (block_end_ != left_.size()) return IOStatus::NotFound("a fragment of another log");
    return IOStatus::Corruption("a log has a fragment of unknown type", std::to_string(fragment.type));
  }
  fragment.content = {left_.data() + kHeaderBytes, length};
  left_.remove_prefix(kHeaderBytes + length);
  return IOStatus::OK();
}

IOStatus LogRecords::NextBlock() {
  if (is_last_block_) return IOStatus::NotFound("the end of the log");
  if (IOStatus read = log_->Read(block_.size(), rocksdb::IOOptions(), &left_, block_.data(), nullptr); !read.ok()) return read;
  block_end_ += left_.size();
  is_last_block_ = left_.size() < block_.size();
  return IOStatus::OK();
}

}  // namespace hardlinkfs
