#ifndef RESPROBE_LIVE_RESTORE_PACKED_BLOB_H_
#define RESPROBE_LIVE_RESTORE_PACKED_BLOB_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Listpacks and ziplists as lists of entries, and the other blobs of payloads, for changing one
// thing in them: docs in redis listpack.c, ziplist.c, intset.c, zipmap.c.
namespace resprobe::live {

struct PackedEntry {
  std::string data;  // the encoding and the content
  // Of a listpack: its size, read backwards, after it. Of a ziplist: the size of the entry before
  // it. Empty: what is right.
  std::string link = {};
};

struct PackedBlob {
  bool ziplist = false;
  std::vector<PackedEntry> entries;
  std::string end = "\xFF";
  // The header's fields, if they are not to be right.
  std::optional<uint32_t> total = {};
  std::optional<uint16_t> count = {};
  std::optional<uint32_t> tail = {};  // of a ziplist
};

// nullopt if the bytes are not sound enough to be taken apart.
std::optional<PackedBlob> ParsePacked(std::string_view bytes, bool ziplist);
std::string WritePacked(const PackedBlob& blob);

// The text of an entry: its string, or its number in decimal; nullopt if it has none.
std::optional<std::string> TextOfEntry(std::string_view data, bool ziplist);
// An entry with this text, in the form that a server chooses.
std::string EntryOf(std::string_view text, bool ziplist);
// The same text in another form: a longer number, a longer length. `choice` selects.
std::string LongerEntryOf(std::string_view text, bool ziplist, uint64_t choice);

std::string MakeIntset(const std::vector<int64_t>& values);
std::string MakeZipmap(const std::vector<std::string>& pairs);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RESTORE_PACKED_BLOB_H_
