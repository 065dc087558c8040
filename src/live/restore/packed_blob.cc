#include "live/restore/packed_blob.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "live/restore/payload.h"

namespace resprobe::live {
namespace {

constexpr size_t kListpackHeader = 6;
constexpr size_t kZiplistHeader = 10;
constexpr size_t kUnknownCount = UINT16_MAX;
constexpr unsigned kEnd = 0xFF;
constexpr unsigned kLongLink = 0xFE;  // of a ziplist

unsigned At(std::string_view bytes, size_t i) { return static_cast<unsigned char>(bytes[i]); }

std::string BigEndian(uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (i * 8));
  return out;
}

// A little-endian integer of `bytes` bytes, with its sign.
int64_t Signed(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value |= uint64_t{At(bytes, i)} << (i * 8);
  const size_t unused = 64 - bytes.size() * 8;
  return static_cast<int64_t>(value << unused) >> unused;
}

std::string LittleEndianOf(int64_t value, size_t bytes) {
  return LittleEndian(value).substr(0, bytes);
}

std::optional<int64_t> CanonicalNumber(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (std::to_string(value) != text) return std::nullopt;
  return value;
}

struct EntrySize {
  size_t head = 0;  // the encoding and the length
  size_t content = 0;
};

std::optional<EntrySize> SizeOfListpackEntry(std::string_view at) {
  if (at.empty()) return std::nullopt;
  const unsigned first = At(at, 0);
  if (first < 0x80) return EntrySize{1, 0};
  if (first < 0xC0) return EntrySize{1, first & 0x3F};
  if (first < 0xE0) return EntrySize{1, 1};
  if (first < 0xF0) {
    if (at.size() < 2) return std::nullopt;
    return EntrySize{2, (first & 0x0F) << 8 | At(at, 1)};
  }
  switch (first) {
    case 0xF0:
      if (at.size() < 5) return std::nullopt;
      return EntrySize{5, FromLittleEndian<uint32_t>(at.substr(1))};
    case 0xF1:
      return EntrySize{1, 2};
    case 0xF2:
      return EntrySize{1, 3};
    case 0xF3:
      return EntrySize{1, 4};
    case 0xF4:
      return EntrySize{1, 8};
    default:
      return std::nullopt;
  }
}

std::optional<EntrySize> SizeOfZiplistEntry(std::string_view at) {
  if (at.empty()) return std::nullopt;
  const unsigned first = At(at, 0);
  switch (first >> 6) {
    case 0:
      return EntrySize{1, first};
    case 1:
      if (at.size() < 2) return std::nullopt;
      return EntrySize{2, (first & 0x3F) << 8 | At(at, 1)};
    case 2:
      if (first != 0x80 || at.size() < 5) return std::nullopt;
      return EntrySize{5, size_t{At(at, 1)} << 24 | At(at, 2) << 16 | At(at, 3) << 8 | At(at, 4)};
    default:
      break;
  }
  switch (first) {
    case 0xC0:
      return EntrySize{1, 2};
    case 0xD0:
      return EntrySize{1, 4};
    case 0xE0:
      return EntrySize{1, 8};
    case 0xF0:
      return EntrySize{1, 3};
    case 0xFE:
      return EntrySize{1, 1};
    default:
      if (first > 0xF0 && first < 0xFE) return EntrySize{1, 0};
      return std::nullopt;
  }
}

std::optional<EntrySize> SizeOfEntry(std::string_view at, bool ziplist) {
  return ziplist ? SizeOfZiplistEntry(at) : SizeOfListpackEntry(at);
}

// The size of a listpack's entry, as it stands after it.
std::string BackLength(size_t size) {
  int bytes = size < 128 ? 1 : size < 16383 ? 2 : size < 2097151 ? 3 : size < 268435455 ? 4 : 5;
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) {
    const unsigned more = i == bytes - 1 ? 0 : 0x80;
    out += static_cast<char>((size >> (i * 7) & 0x7F) | more);
  }
  return out;
}

std::string PreviousLength(size_t size) {
  if (size < kLongLink) return std::string(1, static_cast<char>(size));
  return static_cast<char>(kLongLink) + LittleEndian(static_cast<uint32_t>(size));
}

std::string ListpackNumber(int64_t value, uint64_t least_form) {
  // The forms in their order: 7 bits, 13, 16, 24, 32, 64.
  const auto fits = [&](int bits) {
    return value >= -(int64_t{1} << (bits - 1)) && value < int64_t{1} << (bits - 1);
  };
  if (least_form <= 0 && value >= 0 && value < 128) return std::string(1, static_cast<char>(value));
  if (least_form <= 1 && fits(13)) {
    const auto bits = static_cast<uint64_t>(value) & 0x1FFF;
    return BigEndian(bits | 0xC000, 2);
  }
  if (least_form <= 2 && fits(16)) return '\xF1' + LittleEndianOf(value, 2);
  if (least_form <= 3 && fits(24)) return '\xF2' + LittleEndianOf(value, 3);
  if (least_form <= 4 && fits(32)) return '\xF3' + LittleEndianOf(value, 4);
  return '\xF4' + LittleEndianOf(value, 8);
}

std::string ZiplistNumber(int64_t value, uint64_t least_form) {
  const auto fits = [&](int bits) {
    return value >= -(int64_t{1} << (bits - 1)) && value < int64_t{1} << (bits - 1);
  };
  if (least_form <= 0 && value >= 0 && value <= 12) {
    return std::string(1, static_cast<char>(0xF1 + value));
  }
  if (least_form <= 1 && fits(8)) return '\xFE' + LittleEndianOf(value, 1);
  if (least_form <= 2 && fits(16)) return '\xC0' + LittleEndianOf(value, 2);
  if (least_form <= 3 && fits(24)) return '\xF0' + LittleEndianOf(value, 3);
  if (least_form <= 4 && fits(32)) return '\xD0' + LittleEndianOf(value, 4);
  return '\xE0' + LittleEndianOf(value, 8);
}

std::string PackedString(std::string_view text, bool ziplist, uint64_t least_form) {
  std::string out;
  const size_t size = text.size();
  if (least_form <= 0 && size < 64) {
    out += static_cast<char>(ziplist ? size : size | 0x80);
  } else if (least_form <= 1 && size < (ziplist ? 1 << 14 : 1 << 12)) {
    out += BigEndian(size | (ziplist ? 0x4000 : 0xE000), 2);
  } else {
    out += ziplist ? '\x80' + BigEndian(size, 4) : '\xF0' + LittleEndian(uint32_t(size));
  }
  return out += text;
}

}  // namespace

std::optional<PackedBlob> ParsePacked(std::string_view bytes, bool ziplist) {
  PackedBlob blob;
  blob.ziplist = ziplist;
  const size_t header = ziplist ? kZiplistHeader : kListpackHeader;
  if (bytes.size() <= header) return std::nullopt;
  size_t at = header;
  while (at < bytes.size() && At(bytes, at) != kEnd) {
    PackedEntry entry;
    if (ziplist) {
      entry.link = bytes.substr(at, At(bytes, at) == kLongLink ? 5 : 1);
      at += entry.link.size();
      if (at >= bytes.size()) return std::nullopt;
    }
    const std::optional<EntrySize> size = SizeOfEntry(bytes.substr(at), ziplist);
    if (!size || size->content > bytes.size() || at + size->head + size->content > bytes.size()) {
      return std::nullopt;
    }
    entry.data = bytes.substr(at, size->head + size->content);
    at += entry.data.size();
    if (!ziplist) {
      entry.link = bytes.substr(at, BackLength(entry.data.size()).size());
      at += entry.link.size();
    }
    blob.entries.push_back(std::move(entry));
  }
  if (at > bytes.size()) return std::nullopt;
  blob.end = bytes.substr(at);
  // What is right is made again after a change.
  size_t before = 0;
  for (PackedEntry& entry : blob.entries) {
    const std::string right = ziplist ? PreviousLength(before) : BackLength(entry.data.size());
    before = entry.link.size() + entry.data.size();
    if (entry.link == right) entry.link.clear();
  }
  return blob;
}

std::string WritePacked(const PackedBlob& blob) {
  std::string body;
  const size_t header = blob.ziplist ? kZiplistHeader : kListpackHeader;
  size_t tail = header;
  size_t before = 0;
  for (const PackedEntry& entry : blob.entries) {
    const size_t start = body.size();
    tail = header + start;
    if (blob.ziplist) {
      body += (entry.link.empty() ? PreviousLength(before) : entry.link) + entry.data;
    } else {
      body += entry.data + (entry.link.empty() ? BackLength(entry.data.size()) : entry.link);
    }
    before = body.size() - start;
  }
  body += blob.end;
  const auto total = static_cast<uint32_t>(header + body.size());
  const auto count = static_cast<uint16_t>(std::min(blob.entries.size(), kUnknownCount));
  std::string out = LittleEndian(blob.total.value_or(total));
  if (blob.ziplist) out += LittleEndian(blob.tail.value_or(static_cast<uint32_t>(tail)));
  return out + LittleEndian(blob.count.value_or(count)) + body;
}

std::optional<std::string> TextOfEntry(std::string_view data, bool ziplist) {
  const std::optional<EntrySize> size = SizeOfEntry(data, ziplist);
  if (!size || size->head + size->content != data.size()) return std::nullopt;
  const std::string_view content = data.substr(size->head);
  const unsigned first = At(data, 0);
  if (ziplist) {
    if (first < 0xC0) return std::string(content);
    return std::to_string(content.empty() ? int64_t{first} - 0xF1 : Signed(content));
  }
  if (first < 0x80) return std::to_string(first);
  if (first < 0xC0 || (first >= 0xE0 && first <= 0xF0)) return std::string(content);
  if (first < 0xE0) {
    const int64_t bits = (first & 0x1F) << 8 | At(data, 1);
    return std::to_string(bits >= 1 << 12 ? bits - (1 << 13) : bits);
  }
  return std::to_string(Signed(content));
}

std::string EntryOf(std::string_view text, bool ziplist) { return LongerEntryOf(text, ziplist, 0); }

std::string LongerEntryOf(std::string_view text, bool ziplist, uint64_t choice) {
  constexpr uint64_t kNumberForms = 6;
  constexpr uint64_t kStringForms = 3;
  // A number may also stand as a string.
  if (const auto number = CanonicalNumber(text); number && choice % 7 < kNumberForms) {
    return ziplist ? ZiplistNumber(*number, choice % 7) : ListpackNumber(*number, choice % 7);
  }
  return PackedString(text, ziplist, choice % kStringForms);
}

std::string MakeIntset(const std::vector<int64_t>& values) {
  uint32_t width = 2;
  for (const int64_t value : values) {
    if (value < INT16_MIN || value > INT16_MAX) width = std::max(width, 4u);
    if (value < INT32_MIN || value > INT32_MAX) width = 8;
  }
  std::string out = LittleEndian(width) + LittleEndian(static_cast<uint32_t>(values.size()));
  for (const int64_t value : values) out += LittleEndianOf(value, width);
  return out;
}

std::string MakeZipmap(const std::vector<std::string>& pairs) {
  std::string out(1, static_cast<char>(pairs.size() / 2));
  const auto length = [&](size_t size) {
    if (size < kLongLink) {
      out += static_cast<char>(size);
    } else {
      out += static_cast<char>(kLongLink) + LittleEndian(static_cast<uint32_t>(size));
    }
  };
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    length(pairs[i].size());
    out += pairs[i];
    length(pairs[i + 1].size());
    out += '\0';  // no unused bytes after the value
    out += pairs[i + 1];
  }
  return out + static_cast<char>(kEnd);
}

}  // namespace resprobe::live
