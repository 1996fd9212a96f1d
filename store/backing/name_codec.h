// NameCodec: how a Name is spelled on a backing that refuses some names. Injective and reversible; the true name is in the catalog, the
// spelling is for people who read the backing by itself and for adopting what they add.
#ifndef HARDLINKFS_STORE_BACKING_NAME_CODEC_H_
#define HARDLINKFS_STORE_BACKING_NAME_CODEC_H_

#include <cstddef>
#include <string>

#include "store/base/capabilities.h"
#include "store/base/name.h"

namespace hardlinkfs {

// A spelling is one of (docs/format.md has it in full):
//   itself      the name, with what the backing cannot hold as %XX (two upper-case digits)
//   hashed      prefix%~hash.extension    Natural, where the escaped name would be too long
//   alternate   prefix%+hash.extension    Alternate; ASCII only, so that no table of letters can take two of them for one
// A '%' of the name that could be mistaken for one of these is itself escaped, as is the private area's name. The hash is 128 bits of the
// whole name: that two names share one is left to EEXIST.
// Thread safety: immutable.
class NameCodec {
 public:
  // A backing with shorter names than this has no room for a hash: it is taken to have this many, and will refuse some spellings.
  static constexpr size_t kShortestLimit = 32;

  explicit NameCodec(const Capabilities& capabilities);

  // RETURNS: the spelling of `name`: itself wherever the backing can hold it and it does not look like a spelling.
  // Injective: two names never share a Natural spelling. At most capabilities.max_name_bytes long.
  BackingName Natural(const Name& name) const;

  // RETURNS: a second spelling for a name whose Natural one is taken by another entry (a clash of case, most of all), or is refused by the
  // backing in spite of everything. Never equal to the Natural or Alternate spelling of any other name, case folded or not.
  BackingName Alternate(const Name& name) const;

  // RETURNS: whether `spelling` is one of the two spellings of `name`.
  bool Spells(const BackingName& spelling, const Name& name) const { return spelling == Natural(name) || spelling == Alternate(name); }

  // RETURNS: the name to give an entry found on the backing: the n with Natural(n) == spelling where there is one that can be told from
  // it (not so for a hashed spelling), otherwise the spelling itself as far as that is a legal Name; EINVAL otherwise. Not injective: a
  // stranger may have put both a%41 and a%2541 there.
  Result<Name> Decode(const BackingName& spelling) const;

 private:
  // RETURNS: the reversible spelling, however long.
  std::string Escape(const std::string& name) const;
  // Whether the backing holds every name as it is.
  bool holds_all() const;

  bool any_bytes_;
  bool punctuation_;
  bool trailing_dots_and_spaces_;
  bool case_sensitive_;
  size_t max_bytes_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_NAME_CODEC_H_
