// SparseBytes: the content of a file in memory, in pages that exist only once written, so that a file of a terabyte costs nothing.
#ifndef HARDLINKFS_TESTS_FAKES_SPARSE_BYTES_H_
#define HARDLINKFS_TESTS_FAKES_SPARSE_BYTES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

namespace hardlinkfs {

// Not thread-safe.
class SparseBytes {
 public:
  static constexpr uint64_t kPageBytes = 4096;

  uint64_t size() const { return size_; }
  // Pages that hold something; a hole has none.
  uint64_t pages() const { return pages_.size(); }
  // RETURNS: how many pages Write(offset, length) would add.
  uint64_t MissingPages(uint64_t offset, uint64_t length) const;

  // RETURNS: the bytes read, less than asked for only at the end.
  size_t Read(std::span<char> into, uint64_t offset) const;
  void Write(std::span<const char> from, uint64_t offset);
  void Resize(uint64_t size);
  // Makes the range read as zeros, giving up the pages that lie wholly within it. The size stays.
  void Zero(uint64_t offset, uint64_t length);
  // Gives pages to the range, which read as before. The size stays.
  void Reserve(uint64_t offset, uint64_t length);

  // RETURNS: the first byte at or after `offset` that lies in a page; nullopt when only a hole follows.
  std::optional<uint64_t> NextData(uint64_t offset) const;
  // RETURNS: the first byte at or after `offset` that lies in no page; size() at the latest.
  uint64_t NextHole(uint64_t offset) const;

 private:
  using Page = std::array<char, kPageBytes>;

  uint64_t size_ = 0;
  std::map<uint64_t, Page> pages_;  // by offset / kPageBytes
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_FAKES_SPARSE_BYTES_H_
