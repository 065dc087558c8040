#include "live/restore/payload.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace resprobe::live {
namespace {

constexpr uint64_t kSixBits = 1 << 6;
constexpr uint64_t kFourteenBits = 1 << 14;
constexpr uint64_t kMostParts = 1 << 16;
constexpr size_t kFooterBytes = 10;

// Reads the parts of a value, one after the other. Once something does not fit, all that is left is
// plain bytes.
class PartReader {
 public:
  PartReader(std::string_view rest, std::vector<PayloadPart>* parts) : rest_(rest), parts_(parts) {}
  PartReader(const PartReader&) = delete;
  PartReader& operator=(const PartReader&) = delete;
  ~PartReader() { Bytes(rest_.size()); }

  // The number that was read, 0 if there is none.
  uint64_t Length() {
    const std::string_view before = rest_;
    bool special = false;
    const std::optional<uint64_t> length = TakeLength(&special);
    if (!length || special) {
      rest_ = before;
      broken_ = true;
      return 0;
    }
    PayloadPart& part = parts_->emplace_back();
    part.kind = PayloadPart::Kind::kLength;
    part.length = *length;
    KeepForm(&part, before);
    return *length;
  }

  void String(Blob blob) {
    const std::string_view before = rest_;
    PayloadPart part;
    part.kind = PayloadPart::Kind::kString;
    part.blob = blob;
    if (broken_ || !TakeString(&part)) {
      rest_ = before;
      broken_ = true;
      return;
    }
    KeepForm(&part, before);
    parts_->push_back(std::move(part));
  }

  void Bytes(size_t size) {
    if (rest_.size() < size) broken_ = true;
    size = std::min(size, rest_.size());
    if (size == 0) return;
    parts_->emplace_back().bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
  }

  // Score as text: a byte for its length, or for NaN and the infinities.
  void ScoreText() {
    constexpr size_t kFirstSpecial = 253;
    const size_t size = rest_.empty() ? 0 : static_cast<unsigned char>(rest_[0]);
    Bytes(size >= kFirstSpecial ? 1 : 1 + size);
  }

  bool going() const { return !broken_ && !rest_.empty() && parts_->size() < kMostParts; }

 private:
  static size_t UseOf(std::string_view before, std::string_view after) {
    return before.size() - after.size();
  }

  // A form that is not the usual one is kept as it is.
  void KeepForm(PayloadPart* part, std::string_view before) {
    PayloadValue one;
    one.parts.push_back(*part);
    const std::string_view read = before.substr(0, UseOf(before, rest_));
    if (WritePayload(one).substr(1) != read) part->written = read;
  }

  std::optional<uint64_t> TakeLength(bool* special) {
    if (rest_.empty()) return std::nullopt;
    const auto byte = [&](size_t i) { return uint64_t{static_cast<unsigned char>(rest_[i])}; };
    const uint64_t first = byte(0);
    const auto take = [&](size_t from, size_t count) -> std::optional<uint64_t> {
      if (rest_.size() < from + count) return std::nullopt;
      uint64_t value = 0;
      for (size_t i = 0; i < count; ++i) value = value << 8 | byte(from + i);
      rest_.remove_prefix(from + count);
      return value;
    };
    switch (first >> 6) {
      case 0:
        rest_.remove_prefix(1);
        return first;
      case 1: {
        const auto value = take(0, 2);
        return value ? std::optional(*value & (kFourteenBits - 1)) : std::nullopt;
      }
      case 2:
        if (first == 0x80) return take(1, 4);
        if (first == 0x81) return take(1, 8);
        return std::nullopt;
      default:
        *special = true;
        rest_.remove_prefix(1);
        return first & (kSixBits - 1);
    }
  }

  bool TakeString(PayloadPart* part) {
    bool special = false;
    const std::optional<uint64_t> length = TakeLength(&special);
    if (!length) return false;
    if (!special) {
      if (*length > rest_.size()) return false;
      part->bytes = rest_.substr(0, *length);
      rest_.remove_prefix(*length);
      return true;
    }
    constexpr uint64_t kLzf = 3;
    if (*length < kLzf) {
      const size_t size = size_t{1} << *length;
      if (rest_.size() < size) return false;
      const int64_t value = size == 1   ? FromLittleEndian<int8_t>(rest_)
                            : size == 2 ? FromLittleEndian<int16_t>(rest_)
                                        : FromLittleEndian<int32_t>(rest_);
      rest_.remove_prefix(size);
      part->bytes = std::to_string(value);
      part->coding = PayloadPart::Coding::kInteger;
      return true;
    }
    if (*length != kLzf) return false;
    const std::optional<uint64_t> size = TakeLength(&special);
    const std::optional<uint64_t> plain = TakeLength(&special);
    constexpr uint64_t kMostPlain = 1 << 20;
    if (!size || !plain || *size > rest_.size() || *plain > kMostPlain) return false;
    std::optional<std::string> text = DecompressLzf(rest_.substr(0, *size), *plain);
    if (!text) return false;
    rest_.remove_prefix(*size);
    part->bytes = *std::move(text);
    part->coding = PayloadPart::Coding::kLzf;
    return true;
  }

  std::string_view rest_;
  std::vector<PayloadPart>* parts_;
  bool broken_ = false;
};

void ReadStream(uint8_t type, PartReader* read) {
  constexpr size_t kId = 16;
  constexpr size_t kTime = 8;
  const bool second = type >= static_cast<uint8_t>(RdbType::kStream2);
  const bool third = type >= static_cast<uint8_t>(RdbType::kStream3);
  for (uint64_t nodes = read->Length(); nodes > 0 && read->going(); --nodes) {
    read->String(Blob::kPlain);
    read->String(Blob::kStreamListpack);
  }
  // Entries, the last id; then the first id, the highest deleted id, entries added.
  for (int i = 0; i < (second ? 8 : 3) && read->going(); ++i) read->Length();
  for (uint64_t groups = read->Length(); groups > 0 && read->going(); --groups) {
    read->String(Blob::kPlain);
    for (int i = 0; i < (second ? 3 : 2); ++i) read->Length();
    for (uint64_t pending = read->Length(); pending > 0 && read->going(); --pending) {
      read->Bytes(kId);
      read->Bytes(kTime);
      read->Length();
    }
    for (uint64_t consumers = read->Length(); consumers > 0 && read->going(); --consumers) {
      read->String(Blob::kPlain);
      read->Bytes(third ? 2 * kTime : kTime);
      for (uint64_t pending = read->Length(); pending > 0 && read->going(); --pending) {
        read->Bytes(kId);
      }
    }
  }
}

std::optional<std::string> IntegerCoding(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value >= INT8_MIN && value <= INT8_MAX) {
    return '\xC0' + LittleEndian(static_cast<int8_t>(value));
  }
  if (value >= INT16_MIN && value <= INT16_MAX) {
    return '\xC1' + LittleEndian(static_cast<int16_t>(value));
  }
  if (value < INT32_MIN || value > INT32_MAX) return std::nullopt;
  return '\xC2' + LittleEndian(static_cast<int32_t>(value));
}

void AppendString(std::string* out, const PayloadPart& part) {
  if (part.coding == PayloadPart::Coding::kInteger) {
    if (const auto integer = IntegerCoding(part.bytes)) {
      *out += *integer;
      return;
    }
  }
  if (part.coding == PayloadPart::Coding::kLzf) {
    const std::string compressed = CompressLzf(part.bytes);
    *out += '\xC3';
    AppendLength(out, compressed.size());
    AppendLength(out, part.bytes.size());
    *out += compressed;
    return;
  }
  AppendPlainString(out, part.bytes);
}

}  // namespace

PayloadValue ParsePayload(std::string_view bytes) {
  PayloadValue value;
  if (bytes.empty()) return value;
  value.type = static_cast<uint8_t>(bytes[0]);
  PartReader read(bytes.substr(1), &value.parts);
  const auto strings = [&](Blob blob) {
    for (uint64_t count = read.Length(); count > 0 && read.going(); --count) read.String(blob);
  };
  switch (value.rdb_type()) {
    case RdbType::kString:
      read.String(Blob::kPlain);
      break;
    case RdbType::kList:
    case RdbType::kSet:
      strings(Blob::kPlain);
      break;
    case RdbType::kHash:
      for (uint64_t count = read.Length(); count > 0 && read.going(); --count) {
        read.String(Blob::kPlain);
        read.String(Blob::kPlain);
      }
      break;
    case RdbType::kZSetText:
    case RdbType::kZSet:
      for (uint64_t count = read.Length(); count > 0 && read.going(); --count) {
        read.String(Blob::kPlain);
        if (value.rdb_type() == RdbType::kZSet) {
          read.Bytes(sizeof(double));
        } else {
          read.ScoreText();
        }
      }
      break;
    case RdbType::kZipmapHash:
      read.String(Blob::kZipmap);
      break;
    case RdbType::kZiplistList:
    case RdbType::kZiplistZSet:
    case RdbType::kZiplistHash:
      read.String(Blob::kZiplist);
      break;
    case RdbType::kIntset:
      read.String(Blob::kIntset);
      break;
    case RdbType::kListpackHash:
    case RdbType::kListpackZSet:
    case RdbType::kListpackSet:
      read.String(Blob::kListpack);
      break;
    case RdbType::kZiplistQuicklist:
      strings(Blob::kZiplist);
      break;
    case RdbType::kQuicklist:
      for (uint64_t count = read.Length(); count > 0 && read.going(); --count) {
        constexpr uint64_t kPacked = 2;
        read.String(read.Length() == kPacked ? Blob::kListpack : Blob::kPlain);
      }
      break;
    case RdbType::kStream1:
    case RdbType::kStream2:
    case RdbType::kStream3:
      ReadStream(value.type, &read);
      break;
  }
  return value;
}

std::string WritePayload(const PayloadValue& value) {
  std::string out(1, static_cast<char>(value.type));
  for (const PayloadPart& part : value.parts) {
    if (!part.written.empty()) {
      out += part.written;
    } else if (part.kind == PayloadPart::Kind::kLength) {
      AppendLength(&out, part.length);
    } else if (part.kind == PayloadPart::Kind::kString) {
      AppendString(&out, part);
    } else {
      out += part.bytes;
    }
  }
  return out;
}

std::optional<DumpedValue> SplitDump(std::string_view dump) {
  if (dump.size() <= kFooterBytes) return std::nullopt;
  const size_t size = dump.size() - kFooterBytes;
  return DumpedValue{std::string(dump.substr(0, size)),
                     FromLittleEndian<uint16_t>(dump.substr(size))};
}

std::string JoinDump(std::string_view value, Footer footer, uint16_t version) {
  constexpr uint16_t kEarly = 6;
  std::string dump(value);
  if (footer == Footer::kNone) return dump;
  if (footer == Footer::kOlder) version = std::min(version, kEarly);
  if (footer == Footer::kNewer) ++version;
  dump += LittleEndian(version);
  uint64_t checksum = RdbChecksum(dump);
  if (footer == Footer::kChecksum) checksum ^= 1;
  if (footer == Footer::kZero) checksum = 0;
  return dump + LittleEndian(checksum);
}

uint64_t RdbChecksum(std::string_view bytes) {
  constexpr size_t kBytes = 256;
  static constexpr std::array<uint64_t, kBytes> kTable = [] {
    constexpr uint64_t kPolynomial = 0x95ac9329ac4bc9b5;
    std::array<uint64_t, kBytes> table{};
    for (size_t i = 0; i < kBytes; ++i) {
      uint64_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? kPolynomial : 0);
      table[i] = crc;
    }
    return table;
  }();
  uint64_t crc = 0;
  for (const char c : bytes) crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 0xFF] ^ crc >> 8;
  return crc;
}

void AppendLength(std::string* out, uint64_t length, int form) {
  if (form == 0) {
    form = length < kSixBits ? 1 : length < kFourteenBits ? 2 : length <= UINT32_MAX ? 3 : 4;
  }
  const auto big_endian = [&](int bytes) {
    for (int i = bytes - 1; i >= 0; --i) *out += static_cast<char>(length >> (i * 8));
  };
  switch (form) {
    case 1:
      *out += static_cast<char>(length & (kSixBits - 1));
      break;
    case 2:
      length = (length & (kFourteenBits - 1)) | kFourteenBits;
      big_endian(2);
      break;
    case 3:
      *out += '\x80';
      big_endian(4);
      break;
    default:
      *out += '\x81';
      big_endian(8);
  }
}

void AppendPlainString(std::string* out, std::string_view bytes) {
  AppendLength(out, bytes.size());
  *out += bytes;
}

std::string CompressLzf(std::string_view bytes) {
  constexpr size_t kMostLiterals = 32;
  constexpr size_t kMostOffset = 8192;
  constexpr size_t kMostMatch = 264;
  constexpr size_t kShortMatch = 3;
  constexpr size_t kLongMatch = 9;
  std::string out;
  size_t literals = 0;  // before `at`, not yet written
  const auto flush = [&](size_t at) {
    for (; literals > 0;) {
      const size_t run = std::min(literals, kMostLiterals);
      out += static_cast<char>(run - 1);
      out += bytes.substr(at - literals, run);
      literals -= run;
    }
  };
  std::array<size_t, 4096> last{};  // position + 1 of three bytes with this hash
  size_t at = 0;
  while (at < bytes.size()) {
    size_t match = 0;
    size_t offset = 0;
    if (at + kShortMatch <= bytes.size()) {
      const auto byte = [&](size_t i) { return size_t{static_cast<unsigned char>(bytes[at + i])}; };
      size_t& seen = last[(byte(0) * 31 * 31 + byte(1) * 31 + byte(2)) % last.size()];
      if (seen > 0 && at - (seen - 1) <= kMostOffset) {
        offset = at - (seen - 1);
        while (match < kMostMatch && at + match < bytes.size() &&
               bytes[at + match] == bytes[at + match - offset]) {
          ++match;
        }
      }
      seen = at + 1;
    }
    if (match < kShortMatch) {
      ++literals;
      ++at;
      continue;
    }
    flush(at);
    --offset;
    if (match < kLongMatch) {
      out += static_cast<char>((match - 2) << 5 | offset >> 8);
    } else {
      out += static_cast<char>(7 << 5 | offset >> 8);
      out += static_cast<char>(match - kLongMatch);
    }
    out += static_cast<char>(offset);
    at += match;
  }
  flush(at);
  return out;
}

std::optional<std::string> DecompressLzf(std::string_view compressed, size_t size) {
  std::string out;
  for (size_t at = 0; at < compressed.size();) {
    const size_t control = static_cast<unsigned char>(compressed[at++]);
    if (control < 32) {
      const size_t run = control + 1;
      if (at + run > compressed.size()) return std::nullopt;
      out += compressed.substr(at, run);
      at += run;
    } else {
      size_t length = control >> 5;
      if (length == 7) {
        if (at >= compressed.size()) return std::nullopt;
        length += static_cast<unsigned char>(compressed[at++]);
      }
      if (at >= compressed.size()) return std::nullopt;
      const size_t offset =
          ((control & 31) << 8 | static_cast<unsigned char>(compressed[at++])) + 1;
      if (offset > out.size()) return std::nullopt;
      for (size_t i = 0; i < length + 2; ++i) out += out[out.size() - offset];
    }
    if (out.size() > size) return std::nullopt;
  }
  if (out.size() != size) return std::nullopt;
  return out;
}

}  // namespace resprobe::live
