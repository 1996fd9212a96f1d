// Contents and space of the tree; its names are in memory_tree.cc.
#include <algorithm>
#include <cerrno>

#include "tests/fakes/memory_tree.h"

namespace hardlinkfs::memory_backing {
namespace {

constexpr uint64_t kPageBytes = SparseBytes::kPageBytes;

constexpr uint64_t PagesIn(uint64_t bytes) { return bytes / kPageBytes + (bytes % kPageBytes != 0 ? 1 : 0); }

}  // namespace

uint64_t Tree::PagesOf(const Node& node, uint64_t size, uint64_t written_pages) const {
  if (node.type != FileType::kRegular) return node.charged_pages;
  return options_.capabilities.sparse_files ? written_pages : std::max(written_pages, PagesIn(size));
}

Status Tree::Admit(const Node& node, uint64_t size, uint64_t pages) {
  if (const Status writable = Writable(); !writable.ok()) return writable;
  if (size > options_.max_file_bytes) return Error{EFBIG, "the backing's files end earlier"};
  if (pages <= node.charged_pages) return {};
  if (*used_pages_ + (pages - node.charged_pages) > capacity_pages_) return Error{ENOSPC, "the backing is full"};
  return {};
}

void Tree::Settle(Node& node) {
  const uint64_t pages = PagesOf(node, node.content.size(), node.content.pages());
  *used_pages_ += pages - node.charged_pages;  // modulo 2^64, so it may shrink
  node.charged_pages = pages;
  node.mtime = node.ctime = Now();
  node.content_unsynced = true;
}

size_t Tree::Read(const NodeRef& node, std::span<char> into, uint64_t offset) {
  const MutexLock lock(mutex_);
  return node->content.Read(into, offset);
}

Status Tree::Write(const NodeRef& node, std::span<const char> from, uint64_t offset) {
  const MutexLock lock(mutex_);
  if (from.empty()) return {};
  if (offset > options_.max_file_bytes - std::min<uint64_t>(from.size(), options_.max_file_bytes)) return Error{EFBIG, "write"};
  const uint64_t size = std::max(node->content.size(), offset + from.size());
  const uint64_t pages = PagesOf(*node, size, node->content.pages() + node->content.MissingPages(offset, from.size()));
  if (const Status admitted = Admit(*node, size, pages); !admitted.ok()) return admitted;
  node->content.Write(from, offset);
  Settle(*node);
  return {};
}

Status Tree::Truncate(const NodeRef& node, uint64_t size) {
  const MutexLock lock(mutex_);
  const uint64_t pages = size < node->content.size() ? 0 : PagesOf(*node, size, node->content.pages());
  if (const Status admitted = Admit(*node, size, pages); !admitted.ok()) return admitted;
  node->content.Resize(size);
  Settle(*node);
  return {};
}

Status Tree::Allocate(const NodeRef& node, AllocateMode mode, uint64_t offset, uint64_t length) {
  const MutexLock lock(mutex_);
  if (length == 0) return Error{EINVAL, "allocate nothing"};
  // As FAT has it: what cannot make holes cannot take ranges out either. Moving ranges about is beyond this fake.
  if (!options_.capabilities.sparse_files) return Error{EOPNOTSUPP, "fallocate"};
  if (mode == AllocateMode::kCollapseRange || mode == AllocateMode::kInsertRange) return Error{EOPNOTSUPP, "fallocate"};
  const bool extends = mode == AllocateMode::kExtend || mode == AllocateMode::kZeroRange;
  const bool reserves = mode != AllocateMode::kPunchHole;
  const uint64_t size = extends ? std::max(node->content.size(), offset + length) : node->content.size();
  const uint64_t pages = node->content.pages() + (reserves ? node->content.MissingPages(offset, length) : 0);
  if (const Status admitted = Admit(*node, size, pages); !admitted.ok()) return admitted;
  if (mode != AllocateMode::kExtend && mode != AllocateMode::kKeepSize) node->content.Zero(offset, length);
  if (reserves) node->content.Reserve(offset, length);
  if (extends) node->content.Resize(size);
  Settle(*node);
  return {};
}

Result<uint64_t> Tree::Seek(const NodeRef& node, SeekTarget target, uint64_t offset) {
  const MutexLock lock(mutex_);
  const SparseBytes& content = node->content;
  if (offset >= content.size()) return Error{ENXIO, "seek beyond the end"};
  if (!options_.capabilities.sparse_files) return target == SeekTarget::kData ? offset : content.size();
  if (target == SeekTarget::kHole) return content.NextHole(offset);
  const auto data = content.NextData(offset);
  if (!data) return Error{ENXIO, "no data beyond"};
  return *data;
}

BackingSpace Tree::Space() {
  const MutexLock lock(mutex_);
  const uint64_t used = *used_pages_;
  const uint64_t free = (used < capacity_pages_ ? capacity_pages_ - used : 0) * kPageBytes;
  return {kPageBytes, capacity_pages_ * kPageBytes, free, free, 0, 0};
}

void Tree::SetCapacity(uint64_t bytes) {
  const MutexLock lock(mutex_);
  capacity_pages_ = bytes / kPageBytes;
}

}  // namespace hardlinkfs::memory_backing
