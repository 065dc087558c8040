#include "worlds/rdb/rdb_reading.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/table/profile.h"

namespace resprobe {
namespace {

using Value = RdbReading::Value;

uint64_t ByteAt(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

uint64_t Little(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value * 256 + ByteAt(bytes, i);
  return value;
}

uint64_t Big(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value = value * 256 + ByteAt(bytes, i);
  return value;
}

// The number in the lowest `bits` bits, of which the highest is the sign.
int64_t Signed(uint64_t value, int bits) {
  if (bits < 64 && (value >> (bits - 1) & 1) != 0) {
    return static_cast<int64_t>(value) - (int64_t{1} << bits);
  }
  return static_cast<int64_t>(value);
}

std::string SignedLittle(std::string_view bytes) {
  return std::to_string(Signed(Little(bytes), static_cast<int>(8 * bytes.size())));
}

// What a server makes of a score as text in a packed blob: the number at its beginning, or 0.
double Score(const std::string& text) { return std::strtod(text.substr(0, 127).c_str(), nullptr); }

// --- Packed blobs. Each returns false if anything is wrong; *header: whether a shallow look sees
// it.

using Texts = std::vector<std::string>;

bool Listpack(std::string_view blob, Texts* texts, bool* header) {
  *header = true;
  if (blob.size() < 7 || Little(blob.substr(0, 4)) != blob.size() ||
      ByteAt(blob, blob.size() - 1) != 255) {
    return false;
  }
  *header = false;
  const uint64_t declared = Little(blob.substr(4, 2));
  std::string_view rest = blob.substr(6, blob.size() - 7);
  while (!rest.empty()) {
    const uint64_t code = ByteAt(rest, 0);
    size_t bytes = 1;  // before the data of a text, or of a number and its code
    uint64_t length = 0;
    std::string text;
    const auto has = [&] { return rest.size() >= bytes; };
    bool is_text = true;
    if (code < 0x80) {
      is_text = false;
      text = std::to_string(code);
    } else if (code < 0xc0) {
      length = code - 0x80;
    } else if (code < 0xe0) {
      is_text = false;
      bytes = 2;
      if (!has()) return false;
      text = std::to_string(Signed(Big(rest.substr(0, 2)) & 0x1fff, 13));
    } else if (code < 0xf0) {
      bytes = 2;
      if (!has()) return false;
      length = Big(rest.substr(0, 2)) & 0xfff;
    } else if (code == 0xf0) {
      bytes = 5;
      if (!has()) return false;
      length = Little(rest.substr(1, 4));
    } else if (code <= 0xf4) {
      constexpr size_t kWidths[] = {2, 3, 4, 8};
      is_text = false;
      bytes = 1 + kWidths[code - 0xf1];
      if (!has()) return false;
      text = SignedLittle(rest.substr(1, bytes - 1));
    } else {
      return false;
    }
    if (length > rest.size() - bytes) return false;
    if (is_text) text = rest.substr(bytes, length);
    const size_t size = bytes + length;
    // Its size follows, in groups of seven bits, so that it can be read backwards: all groups but
    // the first have a mark. As servers have it, the greatest sizes of two, three and four groups
    // need one more.
    size_t groups = 1;
    for (uint64_t more = size; more > 127; more >>= 7) ++groups;
    for (const uint64_t most : {16383, 2097151, 268435455}) groups += size == most ? 1 : 0;
    if (groups > rest.size() - size) return false;
    rest.remove_prefix(size + groups);
    uint64_t backwards = 0;
    size_t from = blob.size() - 1 - rest.size();
    for (int shift = 0; shift < 35; shift += 7) {
      const uint64_t byte = ByteAt(blob, --from);
      backwards += (byte & 127) << shift;
      if (byte < 128) break;
      if (shift == 28 || from == 0) return false;
    }
    if (backwards != size) return false;
    texts->push_back(std::move(text));
  }
  return declared == 65535 || declared == texts->size();
}

bool Ziplist(std::string_view blob, Texts* texts) {
  if (blob.size() < 11 || Little(blob.substr(0, 4)) != blob.size() ||
      ByteAt(blob, blob.size() - 1) != 255) {
    return false;
  }
  const uint64_t tail = Little(blob.substr(4, 4));
  const uint64_t declared = Little(blob.substr(8, 2));
  const size_t end = blob.size() - 1;
  size_t at = 10;
  size_t last = 10;
  size_t before = 0;
  while (at < end) {
    const size_t begin = at;
    const std::string_view rest = blob.substr(at, end - at);
    const uint64_t first = ByteAt(rest, 0);
    if (first == 255) return false;
    size_t bytes = first == 254 ? 5 : 1;
    if (rest.size() <= bytes) return false;
    if (before != (first == 254 ? Little(rest.substr(1, 4)) : first)) return false;
    const uint64_t code = ByteAt(rest, bytes);
    uint64_t length = 0;
    std::string text;
    const auto read = [&](size_t more) {
      ++bytes;
      if (rest.size() - bytes < more) return std::string_view();
      bytes += more;
      return rest.substr(bytes - more, more);
    };
    const auto number = [&](size_t width) {
      const std::string_view taken = read(width);
      text = taken.empty() ? "" : SignedLittle(taken);
      return !taken.empty();
    };
    bool good = true;
    bool is_text = code < 0xc0;
    if (code < 0x40) {
      ++bytes;
      length = code;
    } else if (code < 0x80) {
      const std::string_view taken = read(1);
      good = !taken.empty();
      length = (code - 0x40) * 256 + (good ? Big(taken) : 0);
    } else if (code < 0xc0) {
      const std::string_view taken = read(4);
      good = !taken.empty();
      length = good ? Big(taken) : 0;
    } else if (code == 0xc0) {
      good = number(2);
    } else if (code == 0xd0) {
      good = number(4);
    } else if (code == 0xe0) {
      good = number(8);
    } else if (code == 0xf0) {
      good = number(3);
    } else if (code == 0xfe) {
      good = number(1);
    } else if (code >= 0xf1 && code <= 0xfd) {
      ++bytes;
      text = std::to_string(code - 0xf1);
    } else {
      good = false;
    }
    if (!good || length > rest.size() - bytes) return false;
    if (is_text) text = rest.substr(bytes, length);
    at += bytes + length;
    before = at - begin;
    last = begin;
    texts->push_back(std::move(text));
  }
  const bool right_tail = texts->empty() ? tail < blob.size() : tail == last;
  return right_tail && (declared == 65535 || declared == texts->size());
}

bool Zipmap(std::string_view blob, Texts* texts) {
  if (blob.size() < 2 || ByteAt(blob, blob.size() - 1) != 255) return false;
  const uint64_t declared = ByteAt(blob, 0);
  std::string_view rest = blob.substr(1, blob.size() - 2);
  while (!rest.empty()) {
    const bool is_value = texts->size() % 2 == 1;
    uint64_t length = ByteAt(rest, 0);
    if (!is_value && length == 255) return false;
    if (length < 254) {
      rest.remove_prefix(1);
    } else {
      if (rest.size() < 5) return false;
      length = Little(rest.substr(1, 4));
      rest.remove_prefix(5);
    }
    uint64_t unused = 0;  // bytes after a value
    if (is_value) {
      if (rest.empty()) return false;
      unused = ByteAt(rest, 0);
      rest.remove_prefix(1);
    }
    if (length + unused > rest.size()) return false;
    texts->emplace_back(rest.substr(0, length));
    rest.remove_prefix(length + unused);
  }
  return !texts->empty() && texts->size() % 2 == 0 &&
         (declared == 254 || declared == texts->size() / 2);
}

bool Intset(std::string_view blob, Texts* texts, bool* header) {
  *header = true;
  if (blob.size() < 8) return false;
  const uint64_t width = Little(blob.substr(0, 4));
  const uint64_t count = Little(blob.substr(4, 4));
  if (width != 2 && width != 4 && width != 8) return false;
  if (count == 0 || blob.size() != 8 + count * width) return false;
  *header = false;
  int64_t before = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const int64_t number =
        Signed(Little(blob.substr(8 + i * width, width)), static_cast<int>(8 * width));
    if (i > 0 && number <= before) return false;
    before = number;
    texts->push_back(std::to_string(number));
  }
  return true;
}

// Decompresses `in`. Returns false if that does not give exactly `size` bytes.
bool Decompress(std::string_view in, uint64_t size, std::string* out) {
  // The server does not look at the bytes then.
  if (size == 0) return true;
  size_t at = 0;
  while (at < in.size()) {
    const uint64_t control = ByteAt(in, at++);
    if (control < 32) {
      if (in.size() - at < control + 1) return false;
      out->append(in.substr(at, control + 1));
      at += control + 1;
    } else {
      uint64_t length = control >> 5;
      if (length == 7) {
        if (at == in.size()) return false;
        length += ByteAt(in, at++);
      }
      if (at == in.size()) return false;
      const uint64_t back = (control & 31) * 256 + ByteAt(in, at++) + 1;
      if (back > out->size()) return false;
      for (uint64_t i = 0; i < length + 2; ++i) out->push_back((*out)[out->size() - back]);
    }
    if (out->size() > size) return false;
  }
  return out->size() == size;
}

class Reader {
 public:
  Reader(const RdbTape& tape, int64_t now_ms, int databases)
      : tape_(tape), rest_(tape.bytes), now_ms_(now_ms), databases_(databases) {}

  RdbReading Run() {
    if (tape_.is_file) {
      File();
    } else {
      Value value;
      uint8_t type = 0;
      if (Byte(&type) && Read(type, &value)) {
        if (IsEmpty(value)) {
          Wrong("no elements");
        } else {
          reading_.values[{0, ""}] = std::move(value);
        }
      }
    }
    return std::move(reading_);
  }

 private:
  bool Wrong(const char* what, bool only_deep = false) {
    if (reading_.wrong.empty()) {
      reading_.wrong = what;
      reading_.only_deep = only_deep;
    }
    return false;
  }

  bool Take(uint64_t count, std::string_view* taken) {
    if (count > rest_.size()) return Wrong("more bytes are needed");
    *taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return true;
  }
  bool Byte(uint8_t* byte) {
    std::string_view taken;
    if (!Take(1, &taken)) return false;
    *byte = static_cast<uint8_t>(taken[0]);
    return true;
  }
  bool Word(size_t size, uint64_t* word) {
    std::string_view taken;
    if (!Take(size, &taken)) return false;
    *word = Little(taken);
    return true;
  }

  // A length, or, in *encoded, the code of a text that is stored as something else.
  bool Length(uint64_t* length, bool* encoded) {
    uint8_t first = 0;
    if (!Byte(&first)) return false;
    *encoded = first >= 0xc0;
    *length = first & 0x3f;
    if (*encoded || first < 0x40) return true;
    if (first > 0x81) return Wrong("no form of a length");
    std::string_view more;
    if (!Take(first < 0x80 ? 1 : first == 0x80 ? 4 : 8, &more)) return false;
    *length = Big(more) + (first < 0x80 ? *length * 256 : 0);
    return true;
  }
  // As on the server, where a length is expected, such a code is one.
  bool Length(uint64_t* length) {
    bool encoded = false;
    if (!Length(length, &encoded)) return false;
    return *length != UINT64_MAX || Wrong("the greatest length");
  }

  bool Text(std::string* text) {
    uint64_t length = 0;
    bool encoded = false;
    std::string_view taken;
    if (!Length(&length, &encoded)) return false;
    if (!encoded) {
      if (!Take(length, &taken)) return false;
      text->assign(taken);
      return true;
    }
    if (length < 3) {
      if (!Take(uint64_t{1} << length, &taken)) return false;
      *text = SignedLittle(taken);
      return true;
    }
    if (length > 3) return Wrong("no form of a text");
    uint64_t size = 0;
    uint64_t plain_size = 0;
    if (!Length(&size) || !Length(&plain_size) || !Take(size, &taken)) return false;
    text->clear();
    return Decompress(taken, plain_size, text) || Wrong("compressed bytes of another size");
  }

  bool TextScore(double* score) {
    uint8_t size = 0;
    if (!Byte(&size)) return false;
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (size == 253) return Wrong("a score that is no number");
    if (size >= 254) {
      *score = size == 254 ? kInfinity : -kInfinity;
      return true;
    }
    std::string_view taken;
    if (!Take(size, &taken)) return false;
    const std::string text(taken);
    char* end = nullptr;
    *score = std::strtod(text.c_str(), &end);
    if (end == text.c_str()) return Wrong("a score without digits");
    // What has begun as a hexadecimal number or as "infinity" must be one.
    const size_t start = text.find_first_not_of(" \t\n\v\f\r+-");
    const auto used = static_cast<size_t>(end - text.c_str()) - start;
    if ((used == 1 && text[start] == '0' && (*end == 'x' || *end == 'X')) ||
        (used == 3 && std::isinf(*score) && (*end == 'i' || *end == 'I'))) {
      return Wrong("a score that is a part of one");
    }
    return !std::isnan(*score) || Wrong("a score that is no number");
  }

  static bool IsEmpty(const Value& value) {
    return value.type != ObjectType::kString && value.list.empty() && value.fields.empty() &&
           value.scores.empty();
  }

  // --- Values.

  bool Read(uint8_t type, Value* value) {
    const bool packed_sets = tape_.profile == Profile::kValkey80;
    switch (type) {
      case 0:
        value->type = ObjectType::kString;
        return Text(&value->text);
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
        return Table(type, value);
      case 9:
      case 10:
      case 11:
      case 12:
      case 13:
      case 16:
      case 17:
        return Blob(type, value);
      case 20:
        return packed_sets ? Blob(type, value) : Wrong("no type of a value");
      case 14:
      case 18:
        return Nodes(type, value);
      default:
        return Wrong("no type of a value");
    }
  }

  bool Table(uint8_t type, Value* value) {
    constexpr ObjectType kTypes[] = {ObjectType::kNone, ObjectType::kList, ObjectType::kSet,
                                     ObjectType::kZset, ObjectType::kHash, ObjectType::kZset};
    value->type = kTypes[type];
    uint64_t count = 0;
    if (!Length(&count)) return false;
    // Equal fields of a hash that is packed when it is loaded are found by the deep check alone.
    bool packed = count <= 512;
    for (; count > 0; --count) {
      std::string text;
      if (!Text(&text)) return false;
      if (value->type == ObjectType::kList) {
        value->list.push_back(std::move(text));
      } else if (value->type == ObjectType::kSet) {
        if (!value->fields.emplace(text, "").second) return Wrong("a member twice");
      } else if (value->type == ObjectType::kHash) {
        std::string second;
        if (!Text(&second)) return false;
        packed = packed && text.size() <= 64 && second.size() <= 64;
        if (!value->fields.emplace(text, second).second) return Wrong("a field twice", packed);
      } else {
        double score = 0;
        uint64_t word = 0;
        if (type == 3 ? !TextScore(&score) : !Word(8, &word)) return false;
        if (type == 5) score = std::bit_cast<double>(word);
        if (std::isnan(score)) return Wrong("a score that is no number");
        if (!value->scores.emplace(text, score).second) return Wrong("a member twice");
      }
    }
    return true;
  }

  bool Nodes(uint8_t type, Value* value) {
    value->type = ObjectType::kList;
    uint64_t count = 0;
    if (!Length(&count)) return false;
    for (; count > 0; --count) {
      uint64_t container = 2;
      if (type == 18 && !Length(&container)) return false;
      if (container != 1 && container != 2) return Wrong("no kind of a node");
      std::string blob;
      if (!Text(&blob)) return false;
      if (blob.empty()) return Wrong("an empty node");
      Texts texts;
      bool header = true;
      if (container == 1) {
        reading_.least_plain = std::min(reading_.least_plain, blob.size());
        texts.push_back(std::move(blob));
      } else if (type == 18 ? !Listpack(blob, &texts, &header) : !Ziplist(blob, &texts)) {
        return Wrong("a malformed node", !header);
      }
      for (std::string& text : texts) {
        if (container == 2) reading_.most_packed = std::max(reading_.most_packed, text.size());
        value->list.push_back(std::move(text));
      }
    }
    return true;
  }

  bool Blob(uint8_t type, Value* value) {
    std::string blob;
    if (!Text(&blob)) return false;
    Texts texts;
    bool header = true;
    bool good = false;
    switch (type) {
      case 9:
        good = Zipmap(blob, &texts);
        break;
      case 11:
        good = Intset(blob, &texts, &header);
        break;
      case 10:
      case 12:
      case 13:
        good = Ziplist(blob, &texts);
        break;
      default:
        good = Listpack(blob, &texts, &header);
        break;
    }
    if (!good) return Wrong("a malformed blob", !header);
    // Ziplists and zipmaps are always checked to the end.
    const bool deep = type >= 16;
    if (type == 10) {
      value->type = ObjectType::kList;
      value->list = std::move(texts);
      return true;
    }
    if (type == 11 || type == 20) {
      value->type = ObjectType::kSet;
      for (const std::string& text : texts) {
        if (!value->fields.emplace(text, "").second) return Wrong("a member twice", deep);
      }
      return true;
    }
    const bool scores = type == 12 || type == 17;
    value->type = scores ? ObjectType::kZset : ObjectType::kHash;
    for (size_t i = 0; i < texts.size(); i += 2) {
      if (i + 1 == texts.size()) return Wrong("half a pair", deep);
      bool added = false;
      if (scores) {
        const double score = Score(texts[i + 1]);
        if (std::isnan(score)) return Wrong("a score that is no number", deep);
        added = value->scores.emplace(texts[i], score).second;
      } else {
        added = value->fields.emplace(texts[i], texts[i + 1]).second;
      }
      if (!added) return Wrong("an element twice", deep);
    }
    return true;
  }

  // --- Files.

  bool File() {
    std::string_view header;
    if (!Take(9, &header)) return false;
    if (!header.starts_with("REDIS")) return Wrong("no RDB file");
    const int version = std::atoi(std::string(header.substr(5)).c_str());
    if (version < 1 || version > TraitsOf(tape_.profile).rdb_version) return Wrong("the version");
    uint8_t code = 0;
    while (Byte(&code)) {
      if (code == 255) return version < 5 || Checksum();
      if (!(code < 245 ? Key(code) : Part(code))) return false;
    }
    return false;
  }

  bool Checksum() {
    const uint64_t size = tape_.bytes.size() - rest_.size();
    uint64_t stored = 0;
    if (!Word(8, &stored)) return false;
    return stored == 0 || stored == PlainCrc64(tape_.bytes.substr(0, size)) ||
           Wrong("the checksum");
  }

  bool Part(uint8_t code) {
    uint64_t number = 0;
    std::string text;
    uint8_t byte = 0;
    switch (code) {
      case 245:  // a library of functions
        return Text(&text);
      case 248:
        if (!Length(&number)) return false;
        idle_s_ = static_cast<int64_t>(std::min<uint64_t>(number, 1 << 24));
        return true;
      case 249:
        return Byte(&byte);
      case 250:
        return Text(&text) && Text(&text);
      case 251:
        return Length(&number) && Length(&number);
      case 252:
        if (!Word(8, &number)) return false;
        expire_at_ = static_cast<int64_t>(number);
        return true;
      case 253:
        if (!Word(4, &number)) return false;
        expire_at_ = Signed(number, 32) * 1000;
        return true;
      case 254:
        if (!Length(&number)) return false;
        if (number >= static_cast<uint64_t>(databases_)) return Wrong("a database too many");
        db_ = static_cast<int>(number);
        return true;
      default:
        return Wrong("a part that cannot be loaded");
    }
  }

  bool Key(uint8_t type) {
    std::string key;
    Value value;
    if (!Text(&key) || !Read(type, &value)) return false;
    value.expire_at = expire_at_;
    value.idle_s = idle_s_;
    const bool expired = expire_at_ != kNoExpiry && expire_at_ < now_ms_;
    expire_at_ = kNoExpiry;
    idle_s_ = -1;
    if (IsEmpty(value) || expired) return true;
    return reading_.values.emplace(std::pair(db_, key), std::move(value)).second ||
           Wrong("a key twice");
  }

  const RdbTape& tape_;
  std::string_view rest_;
  const int64_t now_ms_;
  const int databases_;
  int db_ = 0;
  int64_t expire_at_ = kNoExpiry;
  int64_t idle_s_ = -1;
  RdbReading reading_;
};

bool Same(const Value& value, const Object& object, int64_t now_ms) {
  if (object.type() != value.type || object.expire_at() != value.expire_at) return false;
  if (object.used_at() != now_ms - (value.idle_s < 0 ? 0 : value.idle_s) * 1000) return false;
  switch (value.type) {
    case ObjectType::kString:
      return object.string() == value.text;
    case ObjectType::kList:
      if (object.list().size() != value.list.size()) return false;
      for (size_t i = 0; i < value.list.size(); ++i) {
        if (object.list().at(i) != value.list[i]) return false;
      }
      return true;
    case ObjectType::kSet:
      if (object.set().size() != value.fields.size()) return false;
      for (const auto& [member, unused] : value.fields) {
        if (!object.set().Contains(member)) return false;
      }
      return true;
    case ObjectType::kHash:
      if (object.hash().size() != value.fields.size()) return false;
      for (const auto& [field, text] : value.fields) {
        const std::string* const found = object.hash().Find(field);
        if (found == nullptr || *found != text) return false;
      }
      return true;
    case ObjectType::kZset:
      if (object.zset().size() != value.scores.size()) return false;
      for (const auto& [member, score] : value.scores) {
        const double* const found = object.zset().Find(member);
        if (found == nullptr || *found != score) return false;
      }
      return true;
    case ObjectType::kNone:
      break;
  }
  return false;
}

}  // namespace

RdbReading ReadRdb(const RdbTape& tape, int64_t now_ms, int databases) {
  return Reader(tape, now_ms, databases).Run();
}

std::string Difference(const RdbReading& reading, const Keyspace& keyspace, std::string_view key) {
  size_t keys = 0;
  for (int db = 0; db < keyspace.databases(); ++db) keys += keyspace.KeyCount(db);
  if (keys != reading.values.size()) {
    return std::to_string(keys) + " keys, not " + std::to_string(reading.values.size());
  }
  for (const auto& [place, value] : reading.values) {
    const std::string_view name = key.empty() ? place.second : key;
    const Object* const object = keyspace.keys(place.first).Find(name);
    if (object == nullptr || !Same(value, *object, keyspace.now_ms())) {
      return "another " + std::string(ObjectTypeName(value.type)) + ", or none, at key '" +
             std::string(name) + "'";
    }
  }
  return "";
}

}  // namespace resprobe
