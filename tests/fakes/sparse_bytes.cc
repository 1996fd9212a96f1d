// Bytes beyond size_ inside the last page are always zero: growing needs no work then.
#include "tests/fakes/sparse_bytes.h"

#include <algorithm>

namespace hardlinkfs {
namespace {

constexpr uint64_t PageOf(uint64_t offset) { return offset / SparseBytes::kPageBytes; }

// Calls visit(page, offset within it, length, offset within the range) for every page that the range touches.
template <typename Visit>
void ForEachPage(uint64_t offset, uint64_t length, Visit visit) {
  for (uint64_t done = 0; done < length;) {
    const uint64_t within = (offset + done) % SparseBytes::kPageBytes;
    const uint64_t part = std::min(SparseBytes::kPageBytes - within, length - done);
    visit(PageOf(offset + done), within, part, done);
    done += part;
  }
}

}  // namespace

uint64_t SparseBytes::MissingPages(uint64_t offset, uint64_t length) const {
  if (length == 0) return 0;
  const uint64_t first = PageOf(offset);
  const uint64_t last = PageOf(offset + length - 1);
  const auto present = std::distance(pages_.lower_bound(first), pages_.upper_bound(last));
  return last - first + 1 - static_cast<uint64_t>(present);
}

size_t SparseBytes::Read(std::span<char> into, uint64_t offset) const {
  if (offset >= size_) return 0;
  const uint64_t length = std::min<uint64_t>(into.size(), size_ - offset);
  ForEachPage(offset, length, [&](uint64_t page, uint64_t within, uint64_t part, uint64_t done) {
    const auto found = pages_.find(page);
    const auto to = into.subspan(done, part);
    if (found == pages_.end()) {
      std::fill(to.begin(), to.end(), '\0');
    } else {
      std::copy_n(found->second.begin() + static_cast<std::ptrdiff_t>(within), part, to.begin());
    }
  });
  return length;
}

void SparseBytes::Write(std::span<const char> from, uint64_t offset) {
  if (from.empty()) return;
  ForEachPage(offset, from.size(), [&](uint64_t page, uint64_t within, uint64_t part, uint64_t done) {
    const auto bytes = from.subspan(done, part);
    std::copy(bytes.begin(), bytes.end(), pages_[page].begin() + static_cast<std::ptrdiff_t>(within));
  });
  size_ = std::max(size_, offset + from.size());
}

void SparseBytes::Resize(uint64_t size) {
  if (size < size_) {
    Zero(size, size_ - size);
    pages_.erase(pages_.lower_bound(PageOf(size + kPageBytes - 1)), pages_.end());
  }
  size_ = size;
}

void SparseBytes::Zero(uint64_t offset, uint64_t length) {
  if (length == 0) return;
  const uint64_t end = offset + length;
  for (auto it = pages_.lower_bound(PageOf(offset)); it != pages_.end() && it->first * kPageBytes < end;) {
    const uint64_t start = it->first * kPageBytes;
    const uint64_t from = std::max(start, offset) - start;
    const uint64_t to = std::min(start + kPageBytes, end) - start;
    if (from == 0 && to == kPageBytes) {
      it = pages_.erase(it);
      continue;
    }
    std::fill(it->second.begin() + static_cast<std::ptrdiff_t>(from), it->second.begin() + static_cast<std::ptrdiff_t>(to), '\0');
    ++it;
  }
}

void SparseBytes::Reserve(uint64_t offset, uint64_t length) {
  ForEachPage(offset, length, [&](uint64_t page, uint64_t, uint64_t, uint64_t) { pages_.try_emplace(page, Page{}); });
}

std::optional<uint64_t> SparseBytes::NextData(uint64_t offset) const {
  const auto found = pages_.lower_bound(PageOf(offset));
  if (found == pages_.end()) return std::nullopt;
  const uint64_t data = std::max(offset, found->first * kPageBytes);
  if (data >= size_) return std::nullopt;  // reserved beyond the end
  return data;
}

uint64_t SparseBytes::NextHole(uint64_t offset) const {
  auto found = pages_.find(PageOf(offset));
  if (found == pages_.end()) return std::min(offset, size_);
  uint64_t page = found->first;
  while (found != pages_.end() && found->first == page) ++found, ++page;
  return std::min(page * kPageBytes, size_);
}

}  // namespace hardlinkfs
