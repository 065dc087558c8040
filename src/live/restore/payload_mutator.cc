#include "live/restore/payload_mutator.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "live/restore/packed_blob.h"

namespace resprobe::live {
namespace {

// Changes of one in this many values are also made bytewise.
constexpr uint64_t kBytewise = 4;

// Values whose form allows of one another: a type byte is mostly replaced by one of its row.
constexpr std::array<std::array<uint8_t, 6>, 5> kKin = {{{9, 10, 11, 12, 13, 0},
                                                         {10, 12, 13, 16, 17, 20},
                                                         {1, 2, 14, 4, 5, 3},
                                                         {15, 19, 21, 15, 19, 21},
                                                         {14, 18, 1, 18, 14, 2}}};
constexpr uint8_t kTypes = 23;

constexpr std::string_view kTexts[] = {
    "a",    "b",    "c",    "d",     "1",   "2",     "-7",  "",        "aa",        "3.5",
    "inf",  "-inf", "0",    "-1",    "nan", "1e300", "127", "128",     "64",        "65",
    "-128", "4095", "4096", "-4096", "x1",  "00",    "-0",  "8388607", "2147483648"};

int64_t EdgeNumber(Rng& rng) {
  if (rng.OneIn(3)) return rng.Between(-3, 12);
  const auto power = static_cast<int64_t>(uint64_t{1} << rng.Below(64));
  const auto near = static_cast<int64_t>(static_cast<uint64_t>(power) +
                                         static_cast<uint64_t>(rng.Between(-1, 1)));
  return rng.OneIn(2) ? near : static_cast<int64_t>(0 - static_cast<uint64_t>(near));
}

void ChangeByte(Rng& rng, char* byte) {
  constexpr unsigned char kEdges[] = {0, 1, 0x7F, 0x80, 0x81, 0xC0, 0xC3, 0xFD, 0xFE, 0xFF};
  auto value = static_cast<unsigned char>(*byte);
  switch (rng.Below(4)) {
    case 0:
      value = static_cast<unsigned char>(value ^ 1u << rng.Below(8));
      break;
    case 1:
      value = rng.Pick(kEdges);
      break;
    case 2:
      value = static_cast<unsigned char>(value + (rng.OneIn(2) ? 1 : 0xFF));
      break;
    default:
      value = static_cast<unsigned char>(rng.Next());
  }
  *byte = static_cast<char>(value);
}

void ChangeBytes(Rng& rng, std::string* bytes) {
  if (bytes->empty()) return;
  const uint64_t times = rng.OneIn(4) ? 1 + rng.Below(4) : 1;
  for (uint64_t i = 0; i < times; ++i) ChangeByte(rng, &(*bytes)[rng.Below(bytes->size())]);
}

// A number near another one, or any.
uint64_t OtherNumber(Rng& rng, uint64_t number) {
  if (rng.OneIn(3)) return static_cast<uint64_t>(EdgeNumber(rng));
  return number + static_cast<uint64_t>(rng.OneIn(2) ? rng.Between(1, 3) : -rng.Between(1, 3));
}

std::string OtherText(Rng& rng, const std::optional<std::string>& text) {
  int64_t number = 0;
  if (text && !text->empty() && rng.OneIn(2)) {
    bool digits = true;
    for (const char c : *text) digits &= (c >= '0' && c <= '9') || c == '-';
    if (digits && text->size() < 19) {
      number = std::strtoll(text->c_str(), nullptr, 10);
      return std::to_string(static_cast<int64_t>(OtherNumber(rng, static_cast<uint64_t>(number))));
    }
  }
  switch (rng.Below(8)) {
    case 0:
      return std::to_string(EdgeNumber(rng));
    case 1:
      return std::string(rng.Below(uint64_t{1} << rng.Below(9)), 'x');
    case 2: {
      std::string changed = text.value_or("");
      ChangeBytes(rng, &changed);
      return changed;
    }
    default:
      return std::string(rng.Pick(kTexts));
  }
}

// Changes one thing in a listpack or ziplist.
void ChangePacked(Rng& rng, PackedBlob* blob) {
  auto& entries = blob->entries;
  const auto place = [&](size_t i) { return entries.begin() + static_cast<ptrdiff_t>(i); };
  const auto header = static_cast<uint32_t>(entries.size());
  // The numbers in front of a stream's listpack, and the last entry, decide more than others.
  size_t at = rng.Below(entries.size());
  if (rng.OneIn(4)) at = rng.Below(std::min<size_t>(entries.size(), 6));
  if (rng.OneIn(8) && !entries.empty()) at = entries.size() - 1;
  switch (entries.empty() ? 13 + rng.Below(4) : rng.Below(20)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      entries[at].data =
          EntryOf(OtherText(rng, TextOfEntry(entries[at].data, blob->ziplist)), blob->ziplist);
      entries[at].link.clear();
      break;
    case 5:
    case 6:
      if (const auto text = TextOfEntry(entries[at].data, blob->ziplist)) {
        entries[at].data = LongerEntryOf(*text, blob->ziplist, rng.Next());
      }
      break;
    case 7: {  // repeat some
      const size_t run = std::min<size_t>(1 + rng.Below(3), entries.size() - at);
      const std::vector<PackedEntry> copy(place(at), place(at + run));
      entries.insert(place(rng.Below(entries.size() + 1)), copy.begin(), copy.end());
      break;
    }
    case 8: {  // leave out some
      const size_t run = std::min<size_t>(1 + rng.Below(3), entries.size() - at);
      entries.erase(place(at), place(at + run));
      break;
    }
    case 9:
      std::swap(entries[at], entries[rng.Below(entries.size())]);
      break;
    case 10: {  // the link: another size, another width
      constexpr std::string_view kLinks[] = {"\x01", "\x02", "\x7F",     "\xFD",
                                             "\xFE", "\xFF", "\x01\x80", "\x7F\xFF\xFF\xFF\xFF"};
      const std::string link(rng.Pick(kLinks));
      entries[at].link = rng.OneIn(3) ? std::string(1, '\0')
                         : rng.OneIn(3) && blob->ziplist
                             ? "\xFE" + LittleEndian(static_cast<uint32_t>(EdgeNumber(rng)))
                             : link;
      break;
    }
    case 11:  // the encoding
      ChangeByte(rng, entries[at].data.data());
      break;
    case 12:  // a length that lies
      if (entries[at].data.size() > 1) ChangeByte(rng, &entries[at].data[rng.Below(2)]);
      break;
    case 13:
      blob->total = static_cast<uint32_t>(OtherNumber(rng, WritePacked(*blob).size()));
      break;
    case 14:
    case 15:
      blob->count = static_cast<uint16_t>(rng.OneIn(4) ? UINT16_MAX : OtherNumber(rng, header));
      break;
    case 16:
      if (blob->ziplist) {
        blob->tail = static_cast<uint32_t>(OtherNumber(rng, WritePacked(*blob).size()));
      } else {
        entries.insert(place(rng.Below(entries.size() + 1)),
                       {.data = EntryOf(OtherText(rng, std::nullopt), false)});
      }
      break;
    case 17:
      blob->end = rng.OneIn(2) ? "" : rng.OneIn(2) ? std::string("\xFF\xFF") : std::string(1, '\0');
      break;
    case 18:  // an end among the entries
      entries.insert(place(rng.Below(entries.size() + 1)), {.data = "\xFF", .link = ""});
      break;
    default:
      entries[at].data = OtherText(rng, std::nullopt);
      if (entries[at].data.empty()) entries.erase(place(at));
  }
}

void ChangeIntset(Rng& rng, std::string* bytes) {
  constexpr size_t kHeader = 8;
  if (bytes->size() < kHeader + 2) return ChangeBytes(rng, bytes);
  const auto width = FromLittleEndian<uint32_t>(*bytes);
  const auto count = FromLittleEndian<uint32_t>(std::string_view(*bytes).substr(4));
  const auto set = [&](size_t at, uint64_t number) {
    bytes->replace(at, 4, LittleEndian(static_cast<uint32_t>(number)));
  };
  switch (rng.Below(6)) {
    case 0:
      set(0, rng.OneIn(2) ? uint64_t{2} << rng.Below(3) : OtherNumber(rng, width));
      break;
    case 1:
      set(4, OtherNumber(rng, count));
      break;
    case 2:  // unsorted, or twice
      if (width <= kHeader && count > 1 && bytes->size() >= kHeader + size_t{width} * count) {
        const size_t from = kHeader + rng.Below(count) * width;
        const size_t to = kHeader + rng.Below(count) * width;
        bytes->replace(to, width, bytes->substr(from, width));
      }
      break;
    case 3:
      bytes->resize(bytes->size() - 1 - rng.Below(2));
      break;
    case 4:
      *bytes += std::string(1 + rng.Below(8), '\0');
      break;
    default:
      ChangeBytes(rng, bytes);
  }
}

void ChangeBlob(Rng& rng, Blob blob, std::string* bytes) {
  if (blob == Blob::kIntset) return ChangeIntset(rng, bytes);
  if (blob == Blob::kZipmap || rng.OneIn(10)) return ChangeBytes(rng, bytes);
  std::optional<PackedBlob> packed = ParsePacked(*bytes, blob == Blob::kZiplist);
  if (!packed) return ChangeBytes(rng, bytes);
  for (uint64_t times = rng.OneIn(4) ? 2 : 1; times > 0; --times) ChangePacked(rng, &*packed);
  *bytes = WritePacked(*packed);
}

// Another way of writing a string: mostly a wrong one.
std::string OtherCoding(Rng& rng, std::string_view bytes) {
  std::string out;
  switch (rng.Below(6)) {
    case 0:  // a length that lies
      AppendLength(&out, OtherNumber(rng, bytes.size()));
      return out += bytes;
    case 1:  // a longer form
      AppendLength(&out, bytes.size(), static_cast<int>(2 + rng.Below(kLengthForms - 2)));
      return out += bytes;
    case 2: {  // an integer, or an encoding that does not exist
      out += static_cast<char>(0xC0 | rng.Below(rng.OneIn(4) ? 64 : 3));
      const int64_t number = EdgeNumber(rng);
      return out += LittleEndian(number).substr(0, size_t{1} << rng.Below(4));
    }
    default: {
      std::string compressed = CompressLzf(bytes);
      uint64_t plain = bytes.size();
      uint64_t size = compressed.size();
      switch (rng.Below(5)) {
        case 0:
          plain = OtherNumber(rng, plain);
          break;
        case 1:
          size = OtherNumber(rng, size);
          break;
        case 2:
          ChangeBytes(rng, &compressed);
          break;
        case 3:
          compressed.resize(rng.Below(compressed.size() + 1));
          size = compressed.size();
          break;
        default:
          break;  // right
      }
      out += '\xC3';
      AppendLength(&out, size);
      AppendLength(&out, plain);
      return out += compressed;
    }
  }
}

PayloadPart StringPart(std::string bytes, Blob blob = Blob::kPlain) {
  PayloadPart part;
  part.kind = PayloadPart::Kind::kString;
  part.bytes = std::move(bytes);
  part.blob = blob;
  return part;
}

PayloadPart LengthPart(uint64_t length) {
  PayloadPart part;
  part.kind = PayloadPart::Kind::kLength;
  part.length = length;
  return part;
}

std::string OldScore(const std::string& text) { return static_cast<char>(text.size()) + text; }

}  // namespace

PayloadMutator::PayloadMutator(const std::vector<std::string>& values) {
  for (const std::string& value : values) values_.push_back(ParsePayload(value));
  const std::vector<PayloadValue> dumped = values_;
  for (const PayloadValue& value : dumped) AddOldForms(value);
}

// The same elements as earlier servers wrote them.
void PayloadMutator::AddOldForms(const PayloadValue& value) {
  if (value.parts.empty() || values_.size() > 128) return;
  const PayloadPart& last = value.parts.back();
  if (last.kind != PayloadPart::Kind::kString || last.blob != Blob::kListpack) return;
  const std::optional<PackedBlob> packed = ParsePacked(last.bytes, false);
  if (!packed || packed->entries.empty()) return;
  std::vector<std::string> texts;
  PackedBlob ziplist;
  ziplist.ziplist = true;
  for (const PackedEntry& entry : packed->entries) {
    const std::optional<std::string> text = TextOfEntry(entry.data, false);
    if (!text) return;
    texts.push_back(*text);
    ziplist.entries.push_back({.data = EntryOf(*text, true)});
  }
  const std::string blob = WritePacked(ziplist);
  const auto add = [&](RdbType type, std::vector<PayloadPart> parts) {
    values_.push_back({static_cast<uint8_t>(type), std::move(parts)});
  };
  std::vector<PayloadPart> plain = {LengthPart(texts.size())};
  for (const std::string& text : texts) plain.push_back(StringPart(text));
  switch (value.rdb_type()) {
    case RdbType::kQuicklist:
      add(RdbType::kList, plain);
      add(RdbType::kZiplistList, {StringPart(blob, Blob::kZiplist)});
      add(RdbType::kZiplistQuicklist,
          {LengthPart(2), StringPart(blob, Blob::kZiplist), StringPart(blob, Blob::kZiplist)});
      break;
    case RdbType::kListpackSet:
      add(RdbType::kSet, plain);
      break;
    case RdbType::kListpackHash:
      plain[0].length = texts.size() / 2;
      add(RdbType::kHash, plain);
      add(RdbType::kZiplistHash, {StringPart(blob, Blob::kZiplist)});
      add(RdbType::kZipmapHash, {StringPart(MakeZipmap(texts), Blob::kZipmap)});
      break;
    case RdbType::kListpackZSet: {
      std::vector<PayloadPart> old = {LengthPart(texts.size() / 2)};
      for (size_t i = 0; i + 1 < texts.size(); i += 2) {
        old.push_back(StringPart(texts[i]));
        old.emplace_back().bytes = OldScore(texts[i + 1]);
      }
      add(RdbType::kZSetText, std::move(old));
      add(RdbType::kZiplistZSet, {StringPart(blob, Blob::kZiplist)});
      break;
    }
    default:
      break;
  }
}

std::string PayloadMutator::Make(Rng& rng) const {
  PayloadValue value = rng.Pick(values_);
  if (rng.OneIn(16)) return WritePayload(value);
  const bool bytes_alone = rng.OneIn(8);
  if (!bytes_alone) {
    for (uint64_t times = rng.OneIn(4) ? 1 + rng.Below(4) : 1; times > 0; --times) {
      Change(rng, &value);
    }
  }
  std::string written = WritePayload(value);
  if (bytes_alone || rng.OneIn(kBytewise * 2)) ChangeBytes(rng, &written);
  if (rng.OneIn(40)) written.resize(rng.Below(written.size() + 1));
  if (rng.OneIn(40)) written += std::string(1 + rng.Below(16), static_cast<char>(rng.Next()));
  return written;
}

void PayloadMutator::Change(Rng& rng, PayloadValue* value) const {
  auto& parts = value->parts;
  if (parts.empty()) return;
  const auto place = [&](size_t i) { return parts.begin() + static_cast<ptrdiff_t>(i); };
  // Blobs first: they hold most of what a server must check.
  std::array<size_t, 64> blobs{};
  size_t count = 0;
  for (size_t i = 0; i < parts.size() && count < blobs.size(); ++i) {
    if (parts[i].blob != Blob::kPlain) blobs[count++] = i;
  }
  if (count > 0 && !rng.OneIn(3)) {
    PayloadPart& part = parts[blobs[rng.Below(count)]];
    ChangeBlob(rng, part.blob, &part.bytes);
    part.written.clear();
    if (rng.OneIn(8)) part.written = OtherCoding(rng, part.bytes);
    return;
  }
  const size_t at = rng.Below(parts.size());
  switch (rng.Below(12)) {
    case 0:
      if (rng.OneIn(3)) {
        value->type = static_cast<uint8_t>(rng.Below(kTypes));
      } else {
        for (size_t tries = 0; tries < kKin.size(); ++tries) {
          const auto& kin = rng.Pick(kKin);
          if (std::find(kin.begin(), kin.end(), value->type) == kin.end()) continue;
          value->type = rng.Pick(kin);
          break;
        }
      }
      break;
    case 1:
      Splice(rng, value);
      break;
    case 2: {  // repeat some parts
      const size_t run = std::min<size_t>(1 + rng.Below(4), parts.size() - at);
      const std::vector<PayloadPart> copy(place(at), place(at + run));
      parts.insert(place(rng.Below(parts.size() + 1)), copy.begin(), copy.end());
      break;
    }
    case 3: {
      const size_t run = std::min<size_t>(1 + rng.Below(2), parts.size() - at);
      parts.erase(place(at), place(at + run));
      break;
    }
    case 4:
      std::swap(parts[at], parts[rng.Below(parts.size())]);
      break;
    default: {
      PayloadPart& part = parts[at];
      if (part.kind == PayloadPart::Kind::kLength) {
        if (rng.OneIn(6)) {
          part.written.clear();
          AppendLength(&part.written, part.length,
                       static_cast<int>(1 + rng.Below(kLengthForms - 1)));
        } else {
          part.length = OtherNumber(rng, part.length);
          part.written.clear();
        }
      } else if (part.kind == PayloadPart::Kind::kString) {
        ChangeString(rng, &part);
      } else if (part.bytes.size() == sizeof(double) && rng.OneIn(2)) {
        constexpr uint64_t kDoubles[] = {0x7FF0000000000000, 0xFFF0000000000000,
                                         0x7FF8000000000000, 0xFFF8000000000001,
                                         0x8000000000000000, 1,
                                         0x7FEFFFFFFFFFFFFF, 0};
        part.bytes = LittleEndian(rng.Pick(kDoubles));
      } else {
        ChangeBytes(rng, &part.bytes);
      }
    }
  }
}

void PayloadMutator::ChangeString(Rng& rng, PayloadPart* part) const {
  part->written.clear();
  switch (rng.Below(4)) {
    case 0:
      part->written = OtherCoding(rng, part->bytes);
      break;
    case 1:
      part->bytes = OtherText(rng, part->bytes);
      break;
    case 2:
      part->bytes.resize(rng.Below(part->bytes.size() + 1));
      break;
    default:
      ChangeBytes(rng, &part->bytes);
  }
}

// A part of another value in place of one.
void PayloadMutator::Splice(Rng& rng, PayloadValue* value) const {
  const PayloadValue& other = rng.Pick(values_);
  if (other.parts.empty()) return;
  PayloadPart& part = value->parts[rng.Below(value->parts.size())];
  for (int tries = 0; tries < 8; ++tries) {
    const PayloadPart& taken = rng.Pick(other.parts);
    if (taken.kind != part.kind) continue;
    part = taken;
    return;
  }
}

std::string PayloadMutator::MutateString(Rng& rng, std::string_view text) {
  std::string changed(text);
  if (rng.OneIn(8)) return changed;
  constexpr size_t kHead = 20;  // where a HyperLogLog has its header and its first registers
  for (uint64_t times = 1 + rng.Below(3); times > 0; --times) {
    const uint64_t what = changed.empty() ? 0 : rng.Below(8);
    if (what == 0) {
      changed.insert(rng.Below(changed.size() + 1), 1 + rng.Below(3),
                     static_cast<char>(rng.Next()));
    } else if (what == 1) {
      changed.erase(rng.Below(changed.size()), 1 + rng.Below(3));
    } else if (what == 2) {
      changed.resize(rng.Below(changed.size() + 1));
    } else {
      const size_t range = rng.OneIn(3) ? std::min(changed.size(), kHead) : changed.size();
      ChangeByte(rng, &changed[rng.Below(range)]);
    }
  }
  return changed;
}

}  // namespace resprobe::live
