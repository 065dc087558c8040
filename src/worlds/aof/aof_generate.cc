#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/aof_manifest.h"
#include "core/resp/writer.h"
#include "engine/rng.h"
#include "worlds/aof/aof_tape.h"

namespace resprobe {
namespace {

using std::string_view;

// Commands as servers log them; k is a key, v a value, n a number, t a time in milliseconds.
constexpr string_view kCommands[] = {"SET k v",
                                     "SET k v PXAT t",
                                     "SET k v KEEPTTL",
                                     "APPEND k v",
                                     "INCRBY k n",
                                     "SETRANGE k n v",
                                     "RPUSH k v v",
                                     "LPUSH k v",
                                     "LPOP k",
                                     "RPOP k n",
                                     "LMOVE k k LEFT RIGHT",
                                     "LTRIM k n n",
                                     "SADD k v v",
                                     "SREM k v",
                                     "ZADD k n v n v",
                                     "ZINCRBY k n v",
                                     "ZREM k v",
                                     "ZPOPMIN k",
                                     "HSET k v v",
                                     "HMSET k v v v n",
                                     "HDEL k v",
                                     "HINCRBY k v n",
                                     "PEXPIREAT k t",
                                     "PERSIST k",
                                     "DEL k",
                                     "UNLINK k k",
                                     "RENAME k k",
                                     "COPY k k REPLACE",
                                     "FLUSHDB",
                                     "SELECT n",
                                     "FLUSHALL",
                                     "SETBIT k n 1",
                                     "SETNX k v",
                                     "SWAPDB n n",
                                     "PUBLISH v v",
                                     "SINTERSTORE k k k",
                                     "EXEC",
                                     "DISCARD",
                                     "WATCH k",
                                     "GET k",
                                     "BLPOP k 0",
                                     "SUBSCRIBE k",
                                     "UNKNOWN k",
                                     "CONFIG SET v v",
                                     "SET k"};
// The last ones are not logged by any server.
constexpr size_t kLogged = 36;
constexpr string_view kKeys[] = {"a", "b", "key:1", "", "{x}"};
constexpr string_view kValues[] = {
    "1",  "x",    "",    "hello world",         "\r\n", "*1\r\n$4\r\nEXEC\r\n", "#",
    "-7", "3.25", "\n=", "12345678901234567890"};
constexpr string_view kNumbers[] = {"0", "1", "2", "9", "-1", "15", "16", "100"};
constexpr string_view kTimes[] = {
    "1", "1700000000000", "1699999999999", "1800000000000", "9223372036854775807", "-1"};
constexpr string_view kNoise[] = {"*",
                                  "$",
                                  "\r\n",
                                  "\n",
                                  "#",
                                  "*1\r\n",
                                  "$-1\r\n",
                                  "$99999999999\r\n",
                                  "*2147483647\r\n",
                                  "*0\r\n",
                                  "\0\0\0\0",
                                  "REDIS",
                                  "=== i2\n",
                                  "*1\r\n$5\r\nMULTI\r\n",
                                  "*1\r\n$4\r\nEXEC\r\n",
                                  "\"",
                                  " "};
constexpr string_view kManifestNoise[] = {" size 5",
                                          "# x\n",
                                          "\n",
                                          " type h",
                                          "seq 0",
                                          "file ../x",
                                          "\"",
                                          "'a b'",
                                          " x",
                                          "type x",
                                          "file m seq 1 type b\n"};

class LogGenerator {
 public:
  explicit LogGenerator(uint64_t seed) : rng_(seed) {}

  void Generate(Tape& out) {
    uint8_t options = '0';
    if (rng_.OneIn(2)) options |= 1;
    if (rng_.OneIn(8)) options |= 2;
    if (rng_.OneIn(8)) options |= 4;
    odd_ = rng_.OneIn(4);
    stamps_ = rng_.OneIn(4);
    static constexpr string_view kNames[] = {"b", "i", "i2", "i3"};
    const size_t count = rng_.OneIn(3) ? 2 + rng_.Below(3) : 1;
    const size_t first = rng_.OneIn(2) && count > 1 ? 0 : 1;
    std::vector<std::string> contents;
    for (size_t i = 0; i < count; ++i) contents.push_back(Log());
    std::vector<AofTape::File> files;
    std::string manifest;
    if (count > 1 && rng_.OneIn(2)) {
      int64_t seq = 0;
      for (size_t i = 0; i < count; ++i) {
        const string_view name = kNames[(first + i) % 4];
        const bool base = i == 0 && first == 0;
        manifest.append("file ").append(name).append(" seq ").append(
            std::to_string(base ? 1 : ++seq));
        manifest.append(base ? " type b\n" : " type i\n");
      }
      if (rng_.OneIn(4)) Insert(&manifest, rng_.Pick(kManifestNoise));
      files.push_back({kManifestSection, manifest});
    }
    for (size_t i = 0; i < count; ++i) {
      if (i + 1 < count ? rng_.OneIn(16) : rng_.OneIn(2)) Damage(&contents[i]);
      files.push_back({kNames[(first + i) % 4], contents[i]});
    }
    out = EncodeAofTape(static_cast<char>(options), files);
  }

 private:
  std::string Log() {
    std::string log;
    const size_t units = rng_.Below(8);
    for (size_t i = 0; i < units; ++i) {
      if (stamps_ && rng_.OneIn(2)) log += "#TS:1700000000\r\n";
      if (i == 0 && !rng_.OneIn(4)) Append(&log, "SELECT 0");
      if (rng_.OneIn(3)) {
        Append(&log, "MULTI");
        for (size_t n = 1 + rng_.Below(3); n > 0; --n) Command(&log);
        Append(&log, "EXEC");
      } else {
        Command(&log);
      }
    }
    return log;
  }

  void Command(std::string* log) {
    const size_t all = std::size(kCommands);
    Append(log, kCommands[rng_.Below(odd_ && rng_.OneIn(4) ? all : kLogged)]);
  }

  void Append(std::string* log, string_view pattern) {
    words_.clear();
    while (!pattern.empty()) {
      const size_t end = std::min(pattern.find(' '), pattern.size());
      const string_view word = pattern.substr(0, end);
      pattern.remove_prefix(std::min(end + 1, pattern.size()));
      if (word == "k") {
        words_.push_back(rng_.Pick(kKeys));
      } else if (word == "v") {
        words_.push_back(rng_.Pick(kValues));
      } else if (word == "n") {
        words_.push_back(rng_.Pick(kNumbers));
      } else if (word == "t") {
        words_.push_back(rng_.Pick(kTimes));
      } else {
        words_.push_back(word);
      }
    }
    resp::AppendRequest(log, words_);
  }

  void Insert(std::string* bytes, string_view noise) {
    bytes->insert(rng_.Below(bytes->size() + 1), noise);
  }

  void Damage(std::string* log) {
    if (log->empty()) return Insert(log, rng_.Pick(kNoise));
    const size_t at = rng_.Below(log->size());
    switch (rng_.Below(5)) {
      case 0:
      case 1:
        log->resize(at);
        break;
      case 2:
        (*log)[at] = static_cast<char>(rng_.Next());
        break;
      case 3:
        log->erase(at, 1 + rng_.Below(8));
        break;
      default:
        Insert(log, rng_.Pick(kNoise));
    }
  }

  Rng rng_;
  bool odd_ = false;
  bool stamps_ = false;
  std::vector<string_view> words_;
};

}  // namespace

void GenerateAofTape(uint64_t seed, Tape& out) { LogGenerator(seed).Generate(out); }

}  // namespace resprobe
