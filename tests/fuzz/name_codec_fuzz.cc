// Any bytes as a name, and as an entry found on a backing, on every kind of backing: the codec's promises hold, or the fuzzer has a case.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "store/backing/case_fold.h"
#include "store/backing/name_codec.h"

namespace hardlinkfs {
namespace {

void Require(bool promise) {
  if (!promise) std::abort();
}

// `bits` chooses what the backing can hold.
Capabilities CapabilitiesOf(uint8_t bits) {
  Capabilities can;
  can.any_bytes_in_names = (bits & 1) != 0;
  can.punctuation_in_names = (bits & 2) != 0;
  can.trailing_dots_and_spaces = (bits & 4) != 0;
  can.case_sensitive = (bits & 8) != 0;
  can.max_name_bytes = (bits & 16) != 0 ? 143 : 255;
  return can;
}

void CheckName(const NameCodec& codec, const Capabilities& can, const Name& name) {
  const BackingName natural = codec.Natural(name);
  const BackingName alternate = codec.Alternate(name);
  Require(natural.bytes().size() <= can.max_name_bytes && alternate.bytes().size() <= can.max_name_bytes);
  Require(CaseFold(natural.bytes()) != ".hardlinkfs" && CaseFold(natural.bytes()) != CaseFold(alternate.bytes()));
  if (!can.punctuation_in_names) Require(natural.bytes().find_first_of("<>:\"|?*\\") == std::string::npos);
  const auto decoded = codec.Decode(natural);
  Require(decoded.ok());
  // Reversible; or hashed, and then another name than the one it looks like.
  const bool hashed = natural.bytes().find("%~") != std::string::npos;
  Require(*decoded == name || (hashed && codec.Natural(*decoded) != natural));
  // An alternate spelling is nobody's natural one.
  const auto stranger = codec.Decode(alternate);
  Require(!stranger.ok() || codec.Natural(*stranger) != alternate);
}

}  // namespace
}  // namespace hardlinkfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  using namespace hardlinkfs;
  if (size == 0) return 0;
  const Capabilities can = CapabilitiesOf(input[0]);
  const NameCodec codec(can);
  const std::string bytes(reinterpret_cast<const char*>(input) + 1, size - 1);
  if (const auto name = Name::From(bytes); name.ok()) CheckName(codec, can, *name);
  if (const auto found = codec.Decode(BackingName(bytes)); found.ok()) CheckName(codec, can, *found);
  return 0;
}
