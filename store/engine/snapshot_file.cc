#include "store/engine/snapshot_file.h"

#include <lz4.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <optional>
#include <span>
#include <utility>

#include "store/engine/little_endian.h"

namespace hardlinkfs {
namespace {

constexpr std::string_view kMagic = "hardlinkfs snapshot\n";
constexpr uint32_t kVersion = 1;
constexpr size_t kUuidBytes = 36;
constexpr size_t kHeadBytes = 20 + 4 + kUuidBytes + 8 + 8 + 8;
constexpr size_t kPieceHeadBytes = 16;
constexpr size_t kEndBytes = kPieceHeadBytes + 16;
// Large enough for LZ4 to find something, small enough to be given up quickly.
constexpr size_t kPieceBytes = size_t{256} << 10;
// A row is at most an xattr of 64 KiB and its key.
constexpr size_t kLargestPiece = kPieceBytes + (size_t{128} << 10);

constexpr Error kDamaged{EUCLEAN, "snapshot: damaged"};

// The place of a piece is in its checksum: none can be left out, come twice, or be an older snapshot's.
uint64_t Checksum(std::string_view bytes, uint64_t sequence, uint64_t position) {
  const uint64_t place[] = {sequence, position};
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), XXH3_64bits(place, sizeof place));
}

std::string FormatHead(const SnapshotHead& head) {
  std::string bytes(kMagic);
  PutLittle(bytes, kVersion);
  std::string volume = head.volume;
  volume.resize(kUuidBytes, ' ');
  bytes.append(volume);
  PutLittle(bytes, head.sequence);
  PutLittle(bytes, static_cast<uint64_t>(head.taken));
  PutLittle(bytes, XXH3_64bits(bytes.data(), bytes.size()));
  return bytes;
}

Result<SnapshotHead> ParseHead(std::string_view bytes) {
  if (bytes.size() < kHeadBytes || !bytes.starts_with(kMagic)) return kDamaged;
  std::string_view left = bytes.substr(kMagic.size());
  if (const uint64_t version = TakeLittle<uint32_t>(left); version > kVersion) return Error{ENOTSUP, "snapshot: of a newer hardlinkfs"};
  SnapshotHead head;
  head.volume = left.substr(0, kUuidBytes);
  left.remove_prefix(kUuidBytes);
  head.volume.erase(head.volume.find_last_not_of(' ') + 1);
  head.sequence = TakeLittle<uint64_t>(left);
  head.taken = static_cast<int64_t>(TakeLittle<uint64_t>(left));
  if (FormatHead(head) != bytes.substr(0, kHeadBytes)) return kDamaged;
  return head;
}

// The last piece: no rows, but how many there were, and pieces.
std::string FormatEnd(uint64_t sequence, uint64_t rows, uint64_t pieces) {
  std::string counts;
  PutLittle(counts, rows);
  PutLittle(counts, pieces);
  std::string bytes(8, '\0');
  PutLittle(bytes, Checksum(counts, sequence, pieces));
  return bytes + counts;
}

void PutVarint(std::string& to, uint64_t value) {
  for (; value >= 128; value >>= 7) to.push_back(static_cast<char>((value & 127) | 128));
  to.push_back(static_cast<char>(value));
}

std::optional<std::string_view> TakeString(std::string_view& from) {
  uint64_t size = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (from.empty() || shift > 28) return std::nullopt;
    const auto byte = static_cast<uint8_t>(from.front());
    from.remove_prefix(1);
    size |= uint64_t{byte & 127U} << shift;
    if (byte < 128) break;
  }
  if (size > from.size()) return std::nullopt;
  const std::string_view taken = from.substr(0, size);
  from.remove_prefix(size);
  return taken;
}

Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Error{written == 0 ? ENOSPC : errno, "snapshot: write"};
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

// RETURNS: EUCLEAN when there is less.
Status ReadAll(int fd, std::span<char> into, uint64_t offset) {
  for (size_t done = 0; done < into.size();) {
    const ssize_t got = pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{errno, "snapshot: read"};
    if (got == 0) return kDamaged;
    done += static_cast<size_t>(got);
  }
  return {};
}

std::string FormatPiece(std::string_view rows, uint64_t sequence, uint64_t position) {
  std::string packed(static_cast<size_t>(LZ4_compressBound(static_cast<int>(rows.size()))), '\0');
  const int size = LZ4_compress_default(rows.data(), packed.data(), static_cast<int>(rows.size()), static_cast<int>(packed.size()));
  const bool worth_it = size > 0 && static_cast<size_t>(size) < rows.size();
  packed.resize(static_cast<size_t>(std::max(size, 0)));
  const std::string_view stored = worth_it ? std::string_view(packed) : rows;
  std::string piece;
  PutLittle(piece, static_cast<uint32_t>(stored.size()));
  PutLittle(piece, static_cast<uint32_t>(rows.size()));
  PutLittle(piece, Checksum(stored, sequence, position));
  return piece.append(stored);
}

struct Piece {
  std::string rows;  // empty: the last one
  std::string stored;
};

// Reads the piece at `offset`, and moves that behind it.
Result<Piece> ReadPiece(int fd, uint64_t sequence, uint64_t position, uint64_t& offset) {
  std::string head(kPieceHeadBytes, '\0');
  if (Status read = ReadAll(fd, head, offset); !read.ok()) return read.error();
  std::string_view left = head;
  const uint64_t stored_bytes = TakeLittle<uint32_t>(left);
  const uint64_t bytes = TakeLittle<uint32_t>(left);
  const uint64_t checksum = TakeLittle<uint64_t>(left);
  if (stored_bytes > bytes || bytes > kLargestPiece) return kDamaged;
  Piece piece;
  piece.stored.resize(bytes == 0 ? kEndBytes - kPieceHeadBytes : stored_bytes);
  if (Status read = ReadAll(fd, piece.stored, offset + kPieceHeadBytes); !read.ok()) return read.error();
  if (Checksum(piece.stored, sequence, position) != checksum) return kDamaged;
  offset += kPieceHeadBytes + piece.stored.size();
  if (stored_bytes == bytes) {
    if (bytes > 0) piece.rows = piece.stored;
    return piece;
  }
  piece.rows.resize(bytes);
  const int got = LZ4_decompress_safe(piece.stored.data(), piece.rows.data(), static_cast<int>(stored_bytes), static_cast<int>(bytes));
  if (got < 0 || static_cast<uint64_t>(got) != bytes) return kDamaged;
  return piece;
}

}  // namespace

Result<uint64_t> WriteSnapshot(int fd, const SnapshotHead& head, Cursor& rows, const std::function<Status(uint64_t)>& may_go_on,
                               const std::function<Status()>& is_durable) {
  uint64_t written = 0;
  const auto write = [&](const std::string& bytes) -> Status {
    written += bytes.size();
    return WriteAll(fd, bytes);
  };
  if (Status began = write(FormatHead(head)); !began.ok()) return began.error();
  uint64_t count = 0;
  uint64_t pieces = 0;
  std::string piece;
  const auto flush = [&]() -> Status {
    Status done = write(FormatPiece(piece, head.sequence, pieces++));
    piece.clear();
    return done.ok() ? may_go_on(written) : done;
  };
  for (; rows.Valid(); rows.Next()) {
    PutVarint(piece, rows.key().size());
    piece.append(rows.key());
    PutVarint(piece, rows.value().size());
    piece.append(rows.value());
    ++count;
    if (piece.size() < kPieceBytes) continue;
    if (Status done = flush(); !done.ok()) return done.error();
  }
  if (Status all = rows.status(); !all.ok()) return all.error();
  if (!piece.empty()) {
    if (Status done = flush(); !done.ok()) return done.error();
  }
  if (Status durable = is_durable(); !durable.ok()) return durable.error();
  if (Status ended = write(FormatEnd(head.sequence, count, pieces)); !ended.ok()) return ended.error();
  return written;
}

Result<SnapshotHead> ReadSnapshotHead(int fd) {
  struct stat seen {};
  if (fstat(fd, &seen) != 0) return Error{errno, "snapshot: fstat"};
  if (!S_ISREG(seen.st_mode) || static_cast<uint64_t>(seen.st_size) < kHeadBytes) return kDamaged;
  std::string bytes(kHeadBytes, '\0');
  if (Status read = ReadAll(fd, bytes, 0); !read.ok()) return read.error();
  Result<SnapshotHead> head = ParseHead(bytes);
  if (!head.ok()) return head;
  if (static_cast<uint64_t>(seen.st_size) < kHeadBytes + kEndBytes) return kDamaged;
  std::string end(kEndBytes, '\0');
  if (Status read = ReadAll(fd, end, static_cast<uint64_t>(seen.st_size) - kEndBytes); !read.ok()) return read.error();
  std::string_view counts = std::string_view(end).substr(kPieceHeadBytes);
  const uint64_t rows = TakeLittle<uint64_t>(counts);
  const uint64_t pieces = TakeLittle<uint64_t>(counts);
  if (FormatEnd(head->sequence, rows, pieces) != end) return kDamaged;
  return head;
}

Status ReadSnapshot(int fd, const std::function<Status(std::string_view key, std::string_view value)>& visit) {
  const Result<SnapshotHead> head = ReadSnapshotHead(fd);
  if (!head.ok()) return head.error();
  uint64_t offset = kHeadBytes;
  uint64_t rows = 0;
  for (uint64_t position = 0;; ++position) {
    const Result<Piece> piece = ReadPiece(fd, head->sequence, position, offset);
    if (!piece.ok()) return piece.error();
    if (piece->rows.empty()) {
      std::string end(8, '\0');
      PutLittle(end, Checksum(piece->stored, head->sequence, position));
      return FormatEnd(head->sequence, rows, position) == end + piece->stored ? Status() : kDamaged;
    }
    for (std::string_view left = piece->rows; !left.empty(); ++rows) {
      const std::optional<std::string_view> key = TakeString(left);
      const std::optional<std::string_view> value = key.has_value() ? TakeString(left) : std::nullopt;
      if (!value.has_value()) return kDamaged;
      if (Status visited = visit(*key, *value); !visited.ok()) return visited;
    }
  }
}

}  // namespace hardlinkfs
