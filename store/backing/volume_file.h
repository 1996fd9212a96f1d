// The text of the volume file: what is in it, and how it is read back. No I/O.
#ifndef HARDLINKFS_STORE_BACKING_VOLUME_FILE_H_
#define HARDLINKFS_STORE_BACKING_VOLUME_FILE_H_

#include <string>
#include <string_view>

#include "store/backing/private_area.h"
#include "store/base/result.h"

namespace hardlinkfs {

// The newest format that this program understands.
inline constexpr int kVolumeFormatVersion = 1;

// RETURNS: a volume file with a new random UUID (version 4); the errno of getrandom(2).
Result<VolumeFile> NewVolumeFile();

// RETURNS: comment lines, `key = value` lines, and last the checksum of all lines before it.
std::string FormatVolumeFile(const VolumeFile& volume);

// RETURNS: ENOTSUP for a newer format, whatever else is in it; EUCLEAN for what FormatVolumeFile did not write.
Result<VolumeFile> ParseVolumeFile(std::string_view text);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_VOLUME_FILE_H_
