// The fields of each record in their order on disk. A change here is a new version; see docs/format.md.
#include "store/catalog/records.h"

#include <cerrno>

#include "store/catalog/encoding.h"

namespace hardlinkfs {
namespace {

constexpr uint8_t kHasHome = 1, kImported = 2, kLinkable = 4, kListed = 8, kInUse = 16, kUnconfirmed = 32;
constexpr uint8_t kClean = 1;
constexpr uint32_t kNanosecondsPerSecond = 1'000'000'000;

constexpr Error kMalformed{EUCLEAN, "record fields"};

void Write(RecordWriter& writer, const Timestamp& time) { writer.Fixed64(static_cast<uint64_t>(time.seconds)).Fixed32(time.nanoseconds); }

void Write(RecordWriter& writer, const Place& place) { writer.Varint(Raw(place.directory)).String(place.name.bytes()); }

Timestamp ReadTimestamp(RecordReader& reader) {
  const auto seconds = static_cast<int64_t>(reader.Fixed64());
  return {seconds, reader.Fixed32()};
}

Place ReadPlace(RecordReader& reader) {
  const InodeId directory{reader.Varint()};
  return {directory, BackingName(std::string(reader.String()))};
}

bool IsValid(FileType type) {
  switch (type) {
    case FileType::kUnknown:
    case FileType::kFifo:
    case FileType::kCharacterDevice:
    case FileType::kDirectory:
    case FileType::kBlockDevice:
    case FileType::kRegular:
    case FileType::kSymlink:
    case FileType::kSocket:
      return true;
  }
  return false;
}

bool IsValid(const Timestamp& time) { return time.nanoseconds < kNanosecondsPerSecond; }

bool IsValid(const InodeRecord& record) {
  return IsValid(record.type) && IsValid(record.atime) && IsValid(record.mtime) && IsValid(record.ctime) && IsValid(record.btime) &&
         IsValid(record.seen_mtime);
}

}  // namespace

std::string Encode(std::string_view key, const InodeRecord& record) {
  RecordWriter writer;
  const unsigned bits = (record.home ? kHasHome : 0U) | (record.imported ? kImported : 0U) | (record.linkable ? kLinkable : 0U) |
                        (record.listed ? kListed : 0U) | (record.in_use ? kInUse : 0U) | (record.unconfirmed ? kUnconfirmed : 0U);
  writer.Byte(static_cast<uint8_t>(bits)).Byte(static_cast<uint8_t>(record.type)).Varint(record.mode).Varint(record.uid).Varint(record.gid);
  writer.Varint(record.nlink).Varint(record.generation).Varint(record.rdev).Varint(record.size).Varint(record.blocks);
  writer.Varint(record.flags).Varint(record.trusted_since).Varint(Raw(record.parent));
  for (const Timestamp& time : {record.atime, record.mtime, record.ctime, record.btime, record.seen_mtime}) Write(writer, time);
  if (record.home) Write(writer, *record.home);
  return writer.Seal(key);
}

Result<InodeRecord> DecodeInodeRecord(std::string_view key, std::string_view value) {
  Result<RecordReader> reader = RecordReader::Open(key, value);
  if (!reader.ok()) return reader.error();
  InodeRecord record;
  const uint8_t bits = reader->Byte();
  record.imported = (bits & kImported) != 0;
  record.linkable = (bits & kLinkable) != 0;
  record.listed = (bits & kListed) != 0;
  record.in_use = (bits & kInUse) != 0;
  record.unconfirmed = (bits & kUnconfirmed) != 0;
  record.type = static_cast<FileType>(reader->Byte());
  record.mode = reader->Varint32();
  record.uid = reader->Varint32();
  record.gid = reader->Varint32();
  record.nlink = reader->Varint32();
  record.generation = reader->Varint();
  record.rdev = reader->Varint();
  record.size = reader->Varint();
  record.blocks = reader->Varint();
  record.flags = reader->Varint32();
  record.trusted_since = reader->Varint();
  record.parent = InodeId{reader->Varint()};
  for (Timestamp* time : {&record.atime, &record.mtime, &record.ctime, &record.btime, &record.seen_mtime}) *time = ReadTimestamp(*reader);
  if ((bits & kHasHome) != 0) record.home = ReadPlace(*reader);
  if (!reader->complete() || !IsValid(record)) return kMalformed;
  return record;
}

std::string Encode(std::string_view key, const NameRecord& record) {
  return RecordWriter().Byte(static_cast<uint8_t>(record.type)).Varint(Raw(record.inode)).Rest(record.name).Seal(key);
}

Result<NameRecord> DecodeNameRecord(std::string_view key, std::string_view value) {
  Result<RecordReader> reader = RecordReader::Open(key, value);
  if (!reader.ok()) return reader.error();
  NameRecord record;
  record.type = static_cast<FileType>(reader->Byte());
  record.inode = InodeId{reader->Varint()};
  record.name = reader->Rest();
  if (!reader->complete() || !IsValid(record.type)) return kMalformed;
  // The bytes go to the kernel as they are, so they must be a name; empty is a tombstone (catalog.h).
  if (!record.name.empty() && !Name::From(record.name).ok()) return Error{EUCLEAN, "name record holds no name"};
  return record;
}

std::string Encode(std::string_view key, const IntentRecord& record) {
  RecordWriter writer;
  writer.Varint(Raw(record.inode));
  Write(writer, record.from);
  Write(writer, record.to);
  // Only where they are of use: versions that do not know them go on reading the others.
  if (record.size != 0 || record.mtime != Timestamp()) {
    writer.Varint(record.size);
    Write(writer, record.mtime);
  }
  return writer.Seal(key);
}

Result<IntentRecord> DecodeIntentRecord(std::string_view key, std::string_view value) {
  Result<RecordReader> reader = RecordReader::Open(key, value);
  if (!reader.ok()) return reader.error();
  IntentRecord record;
  record.inode = InodeId{reader->Varint()};
  record.from = ReadPlace(*reader);
  record.to = ReadPlace(*reader);
  if (reader->complete()) return record;
  record.size = reader->Varint();
  record.mtime = ReadTimestamp(*reader);
  if (!reader->complete() || !IsValid(record.mtime)) return kMalformed;
  return record;
}

std::string Encode(std::string_view key, const MetaRecord& record) {
  RecordWriter writer;
  writer.Varint(record.format_version).Byte(record.clean ? kClean : 0).String(record.uuid).Fixed64(record.hash_seed);
  return writer.Varint(record.next_inode).Varint(record.session).Varint(record.inode_count).Varint(record.crash_session).Seal(key);
}

Result<MetaRecord> DecodeMetaRecord(std::string_view key, std::string_view value) {
  Result<RecordReader> reader = RecordReader::Open(key, value);
  if (!reader.ok()) return reader.error();
  MetaRecord record;
  record.format_version = reader->Varint32();
  record.clean = (reader->Byte() & kClean) != 0;
  record.uuid = reader->String();
  record.hash_seed = reader->Fixed64();
  record.next_inode = reader->Varint();
  record.session = reader->Varint();
  record.inode_count = reader->Varint();
  record.crash_session = reader->Varint();
  if (!reader->complete()) return kMalformed;
  if (record.format_version > MetaRecord{}.format_version) return Error{ENOTSUP, "volume of a newer format"};
  return record;
}

std::string EncodeBytes(std::string_view key, std::string_view bytes) { return RecordWriter().Rest(bytes).Seal(key); }

Result<std::string> DecodeBytes(std::string_view key, std::string_view value) {
  Result<RecordReader> reader = RecordReader::Open(key, value);
  if (!reader.ok()) return reader.error();
  return std::string(reader->Rest());
}

std::string EncodeInode(std::string_view key, InodeId inode) { return RecordWriter().Varint(Raw(inode)).Seal(key); }

Result<InodeId> DecodeInode(std::string_view key, std::string_view value) {
  Result<RecordReader> reader = RecordReader::Open(key, value);
  if (!reader.ok()) return reader.error();
  const InodeId inode{reader->Varint()};
  if (!reader->complete()) return kMalformed;
  return inode;
}

}  // namespace hardlinkfs
