// Payloads and files from a seed.

#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/intset.h"
#include "core/persistence/listpack.h"
#include "core/persistence/little_endian.h"
#include "core/persistence/rdb_bytes.h"
#include "core/persistence/rdb_format.h"
#include "core/server/server.h"
#include "engine/rng.h"
#include "worlds/rdb/rdb_tape.h"

namespace resprobe {
namespace {

class RdbGenerator {
 public:
  explicit RdbGenerator(uint64_t seed) : rng_(seed) {}

  void Run(Tape* out) {
    const bool is_file = rng_.OneIn(2);
    const Profile profile = rng_.OneIn(2) ? Profile::kValkey80 : Profile::kRedis70;
    std::string bytes;
    RdbTextWriter to(!rng_.OneIn(4), &bytes);
    if (is_file) {
      AddFile(profile, to);
    } else {
      AddValue(to);
      AppendLittleEndian(
          rng_.OneIn(8) ? rng_.Below(14) : static_cast<uint64_t>(TraitsOf(profile).rdb_version), 2,
          &bytes);
    }
    AppendLittleEndian(0, rdb::kChecksumSize, &bytes);
    if (rng_.OneIn(3)) Damage(&bytes);
    out->push_back(RdbTapeChoices(is_file, !rng_.OneIn(16), profile, rng_.OneIn(2)));
    out->insert(out->end(), bytes.begin(), bytes.end());
  }

 private:
  void Damage(std::string* bytes) {
    for (size_t i = 1 + rng_.Below(3); i > 0 && !bytes->empty(); --i) {
      const size_t at = rng_.Below(bytes->size());
      switch (rng_.Below(4)) {
        case 0:
          (*bytes)[at] = static_cast<char>(rng_.Next());
          break;
        case 1:
          (*bytes)[at] = static_cast<char>((*bytes)[at] + (rng_.OneIn(2) ? 1 : -1));
          break;
        case 2:
          bytes->erase(at, 1 + rng_.Below(3));
          break;
        default:
          bytes->insert(at, 1, static_cast<char>(rng_.OneIn(2) ? 0xff : 0x80));
          break;
      }
    }
  }

  // A number at a limit of an encoding, or one beside it.
  std::string LimitNumber() {
    constexpr int64_t kLimits[] = {12,    128,     4096,      32768,     40000,
                                   65536, 8388608, 1LL << 24, 1LL << 31, 1LL << 32};
    const int64_t limit = kLimits[rng_.Below(std::size(kLimits))];
    const int64_t number = limit - 1 + static_cast<int64_t>(rng_.Below(3));
    return std::to_string(rng_.OneIn(2) ? number : -number);
  }

  // A text of a size at a limit of an encoding, or one beside it. What repeats in it does so at one
  // distance, at a limit of the compression.
  std::string LimitText() {
    constexpr size_t kLimits[] = {64, 128, 254, 4096, 8192, 16384};
    std::string text(kLimits[rng_.Below(std::size(kLimits))] - 1 + rng_.Below(3), '\0');
    for (char& byte : text) byte = static_cast<char>(rng_.Next());
    constexpr size_t kFar = 8192;
    constexpr size_t kRepeated = 20;
    const size_t distance = kFar - 1 + rng_.Below(3);
    for (size_t i = distance; i < text.size() && i < distance + kRepeated; ++i) {
      text[i] = text[i - distance];
    }
    return text;
  }

  std::string Text() {
    if (rng_.OneIn(24)) return rng_.OneIn(8) ? LimitText() : LimitNumber();
    switch (rng_.Below(7)) {
      case 0:
        return std::to_string(rng_.Below(200));
      case 1:
        return "-" + std::to_string(rng_.Below(uint64_t{1} << (4 + rng_.Below(58))));
      case 2:
        return std::string(rng_.Below(130), static_cast<char>('a' + rng_.Below(3)));
      case 3:
        return "1." + std::to_string(rng_.Below(9));
      default:
        return std::string(1, static_cast<char>('a' + rng_.Below(8)));
    }
  }

  std::vector<std::string> Texts(bool pairs) {
    std::vector<std::string> texts(pairs ? 2 * rng_.Below(4) : rng_.Below(6));
    for (std::string& text : texts) text = Text();
    return texts;
  }

  // Scores are numbers.
  std::vector<std::string> Scores() {
    std::vector<std::string> texts = Texts(true);
    for (size_t i = 1; i < texts.size(); i += 2) {
      const char* const odd[] = {"inf", "-inf", "1.5", "-0", "nan", "1e17", "x"};
      texts[i] = rng_.OneIn(3) ? odd[rng_.Below(7)] : std::to_string(rng_.Below(300));
    }
    return texts;
  }

  static std::string Listpack(const std::vector<std::string>& texts) {
    std::string blob;
    ListpackWriter writer(&blob);
    for (const std::string& text : texts) writer.Append(text);
    writer.Finish();
    return blob;
  }

  std::string Intset() {
    std::vector<int64_t> numbers;
    int64_t number = -static_cast<int64_t>(rng_.Below(uint64_t{1} << rng_.Below(40)));
    for (size_t i = rng_.Below(6); i > 0; --i) {
      numbers.push_back(number);
      number += static_cast<int64_t>(rng_.Below(uint64_t{1} << rng_.Below(40)));
    }
    std::string blob;
    AppendIntset(numbers, &blob);
    return blob;
  }

  std::string ZiplistEntry(const std::string& text) {
    int64_t number;
    std::string entry;
    if (!rng_.OneIn(4) && ParseInt64(text, &number)) {
      if (number >= 0 && number <= 12) return {static_cast<char>(0xf1 + number)};
      const size_t width = number >= INT8_MIN && number <= INT8_MAX     ? 1
                           : number >= INT16_MIN && number <= INT16_MAX ? 2
                           : number >= -(1 << 23) && number < 1 << 23   ? 3
                           : number >= INT32_MIN && number <= INT32_MAX ? 4
                                                                        : 8;
      constexpr char kCodes[] = {0, '\xfe', '\xc0', '\xf0', '\xd0', 0, 0, 0, '\xe0'};
      entry += kCodes[width];
      AppendLittleEndian(static_cast<uint64_t>(number), width, &entry);
      return entry;
    }
    if (text.size() < 64 && !rng_.OneIn(4)) {
      entry += static_cast<char>(text.size());
    } else if (!rng_.OneIn(4)) {
      entry += static_cast<char>(0x40 | text.size() >> 8);
      entry += static_cast<char>(text.size() & 0xff);
    } else {
      entry += std::string("\x80\0\0", 3);
      entry += static_cast<char>(text.size() >> 8);
      entry += static_cast<char>(text.size() & 0xff);
    }
    return entry + text;
  }

  std::string Ziplist(const std::vector<std::string>& texts) {
    std::string body;
    size_t before = 0;
    size_t last = 10;
    for (const std::string& text : texts) {
      last = 10 + body.size();
      if (before < 254) {
        body += static_cast<char>(before);
      } else {
        body += '\xfe';
        AppendLittleEndian(before, 4, &body);
      }
      body += ZiplistEntry(text);
      before = 10 + body.size() - last;
    }
    std::string blob;
    AppendLittleEndian(11 + body.size(), 4, &blob);
    AppendLittleEndian(last, 4, &blob);
    AppendLittleEndian(texts.size(), 2, &blob);
    return blob + body + '\xff';
  }

  static std::string Zipmap(const std::vector<std::string>& texts) {
    std::string blob(1, static_cast<char>(texts.size() / 2));
    for (size_t i = 0; i < texts.size(); ++i) {
      if (texts[i].size() < 254) {
        blob += static_cast<char>(texts[i].size());
      } else {
        blob += '\xfe';
        AppendLittleEndian(texts[i].size(), 4, &blob);
      }
      if (i % 2 != 0) blob += '\0';
      blob += texts[i];
    }
    return blob + '\xff';
  }

  void AddTexts(const std::vector<std::string>& texts, size_t count, RdbTextWriter& to) {
    to.Length(rng_.OneIn(32) ? count + rng_.Below(uint64_t{1} << rng_.Below(64)) : count);
    for (const std::string& text : texts) to.Text(text);
  }

  // The type byte, and after it the key, if there is one, and the value.
  void AddValue(RdbTextWriter& to, const std::string* key = nullptr) {
    constexpr uint8_t kTypes[] = {rdb::kString,       rdb::kList,         rdb::kSet,
                                  rdb::kZset,         rdb::kHash,         rdb::kZset2,
                                  rdb::kHashZipmap,   rdb::kListZiplist,  rdb::kSetIntset,
                                  rdb::kZsetZiplist,  rdb::kHashZiplist,  rdb::kListQuicklist,
                                  rdb::kHashListpack, rdb::kZsetListpack, rdb::kListQuicklist2,
                                  rdb::kSetListpack};
    const uint8_t type = rng_.OneIn(64) ? static_cast<uint8_t>(rng_.Below(24))
                                        : kTypes[rng_.Below(std::size(kTypes))];
    to.Byte(type);
    if (key != nullptr) to.Text(*key);
    switch (type) {
      case rdb::kList:
      case rdb::kSet: {
        const std::vector<std::string> texts = Texts(false);
        return AddTexts(texts, texts.size(), to);
      }
      case rdb::kHash: {
        std::vector<std::string> texts = Texts(true);
        // So many that a server does not pack them; perhaps one of them twice.
        constexpr size_t kMany = 513;
        if (rng_.OneIn(48)) {
          texts.clear();
          for (size_t i = 0; i < kMany; ++i) {
            texts.push_back("f" + std::to_string(i));
            texts.push_back("v");
          }
          if (rng_.OneIn(2)) texts[texts.size() - 2] = texts[0];
        }
        return AddTexts(texts, texts.size() / 2, to);
      }
      case rdb::kZset:
      case rdb::kZset2: {
        const size_t count = rng_.Below(5);
        to.Length(count);
        for (size_t i = 0; i < count; ++i) {
          to.Text(Text());
          AddScore(type, to);
        }
        return;
      }
      case rdb::kHashZipmap:
        return to.Text(Zipmap(Texts(true)));
      case rdb::kListZiplist:
        return to.Text(Ziplist(Texts(false)));
      case rdb::kSetIntset:
        return to.Text(Intset());
      case rdb::kZsetZiplist:
        return to.Text(Ziplist(Scores()));
      case rdb::kHashZiplist:
        return to.Text(Ziplist(Texts(true)));
      case rdb::kHashListpack:
        return to.Text(Listpack(Texts(true)));
      case rdb::kZsetListpack:
        return to.Text(Listpack(Scores()));
      case rdb::kSetListpack:
        return to.Text(Listpack(Texts(false)));
      case rdb::kListQuicklist:
      case rdb::kListQuicklist2:
        return AddNodes(type, to);
      default:
        return to.Text(Text());
    }
  }

  void AddScore(uint8_t type, RdbTextWriter& to) {
    if (type == rdb::kZset2) {
      constexpr uint64_t kScores[] = {0, 0x3ff8000000000000, 0x8000000000000000, 0x7ff0000000000000,
                                      0x7ff8000000000000};
      AppendLittleEndian(kScores[rng_.Below(std::size(kScores))], 8, to.out());
    } else if (rng_.OneIn(4)) {
      to.Byte(static_cast<uint8_t>(253 + rng_.Below(3)));
    } else {
      const std::string score = std::to_string(rng_.Below(100)) + ".5";
      to.Byte(static_cast<uint8_t>(score.size()));
      to.out()->append(score);
    }
  }

  void AddNodes(uint8_t type, RdbTextWriter& to) {
    const size_t nodes = rng_.Below(4);
    to.Length(nodes);
    for (size_t i = 0; i < nodes; ++i) {
      if (type == rdb::kListQuicklist) {
        to.Text(Ziplist(Texts(false)));
      } else if (rng_.OneIn(4)) {
        to.Length(rdb::kPlain);
        to.Text(Text());
      } else {
        to.Length(rdb::kPacked);
        to.Text(Listpack(Texts(false)));
      }
    }
  }

  void AddFile(Profile profile, RdbTextWriter& to) {
    const size_t version =
        rng_.OneIn(8) ? rng_.Below(13) : static_cast<size_t>(TraitsOf(profile).rdb_version);
    to.out()->append(rdb::kMagic);
    to.out()->append(version < 10 ? "000" : "00").append(std::to_string(version));
    for (size_t i = rng_.Below(6); i > 0; --i) {
      switch (rng_.Below(12)) {
        case 0:
          to.Byte(rdb::kAux);
          to.Text(rng_.OneIn(2) ? "ctime" : "aof-base");
          to.Text(Text());
          break;
        case 1:
          to.Byte(rdb::kFunction2);
          to.Text("#!lua name=l");
          break;
        case 2:
          to.Byte(rdb::kSelectDb);
          to.Length(rng_.Below(rng_.OneIn(8) ? 20 : 3));
          break;
        case 3:
          to.Byte(rdb::kResizeDb);
          to.Length(rng_.Below(uint64_t{1} << rng_.Below(64)));
          to.Length(rng_.Below(5));
          break;
        case 4:
          to.Byte(rdb::kExpireMs);
          // Now, or a moment before or after; or long after.
          AppendLittleEndian(rng_.OneIn(4)   ? rng_.Next()
                             : rng_.OneIn(3) ? kNow - 1 + rng_.Below(3)
                                             : 32503680000000,
                             8, to.out());
          break;
        case 5:
          to.Byte(rdb::kExpireSeconds);
          AppendLittleEndian(rng_.OneIn(4) ? rng_.Next() : 2000000000, 4, to.out());
          break;
        case 6:
          to.Byte(rdb::kIdle);
          to.Length(rng_.Below(100));
          break;
        case 7:
          to.Byte(rdb::kFrequency);
          to.Byte(static_cast<uint8_t>(rng_.Below(256)));
          break;
        default:
          break;
      }
      const std::string key = Text();
      AddValue(to, &key);
    }
    to.Byte(rdb::kEnd);
  }

  // When the harness's servers start.
  static constexpr uint64_t kNow = ServerConfig().start_ms;

  Rng rng_;
};

}  // namespace

void GenerateRdbTape(uint64_t seed, Tape* out) { RdbGenerator(seed).Run(out); }

}  // namespace resprobe
