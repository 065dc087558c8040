#include "live/restore/value_script.h"

#include <sstream>
#include <string_view>

namespace resprobe::live {
namespace {

// A word for a long text: {N} is N times 'x', {a:N} a text of N bytes that does not compress.
constexpr std::string_view kScript[] = {
    "SET s1 hello",
    "SET s2 12345",
    "SET s3 -7",
    "SET s4 {300}",
    "SET s5 {a:70}",
    "SET s6 3000000000",
    "SETBIT b1 77 1",
    "SETRANGE b2 40 abc",
    // One packed node; several of them; an element that has a node for itself.
    "RPUSH l1 a b c d 1 2 -7 3.5 300 70000 5000000000 {70}",
    "RPUSH l2 a 1",
    "CONFIG SET list-max-listpack-size 2",
    "RPUSH l3 a b 1 2 c",
    "DEBUG QUICKLIST-PACKED-THRESHOLD 100b",
    "RPUSH l4 a {200} 1",
    "DEBUG QUICKLIST-PACKED-THRESHOLD 1073741824b",
    "CONFIG SET list-max-listpack-size -2",
    "SADD i1 1 2 3",
    "SADD i2 1 2 70000 -7",
    "SADD i3 1 5000000000 -5000000000",
    "SADD u1 a b c 1 -7 3.5",
    "SADD u2 a b 1 {100}",
    "HSET h1 a 1 b 2 c x 1 3.5 aa {80}",
    "HSET h1 a 1 b 2 c x 1 3.5",
    "HSET h2 a 1 b {100} c 2",
    "HSET h3 a 1",
    "ZADD z1 1 a 2 b -7 c 3.5 d 1 1",
    "ZADD z2 1 a 2 b inf {100} -inf c",
    "ZADD z3 0 a 0 b 0 c 0 d",
    "GEOADD g1 13.361389 38.115556 a 15.087269 37.502669 b 2.35 48.85 c",
    "XADD x1 1-1 a 1 b 2",
    "XADD x1 1-2 a 2 b 3",
    "XADD x1 2-0 c hello",
    "XADD x1 3-0 a 1 b 2",
    "XADD x1 5-0 a x b {70}",
    "XDEL x1 1-2",
    "XADD x2 1-1 a 1",
    "XGROUP CREATE x2 g1 0",
    "XADD x3 1-1 a 1 b 2",
    "XADD x3 2-0 a 1 b 3",
    "XADD x3 3-0 d 1",
    "XADD x3 4-0 a 1 b 2",
    "XGROUP CREATE x3 g1 0",
    "XGROUP CREATE x3 g2 2-0",
    "XREADGROUP GROUP g1 c1 COUNT 2 STREAMS x3 >",
    "XREADGROUP GROUP g1 c2 COUNT 1 STREAMS x3 >",
    "XREADGROUP GROUP g2 c1 STREAMS x3 >",
    "XACK x3 g1 2-0",
    "XGROUP CREATECONSUMER x3 g1 c3",
    "CONFIG SET stream-node-max-entries 2",
    "XADD x4 1-1 a 1 b 2",
    "XADD x4 1-2 a 1 b 2",
    "XADD x4 2-0 a 1 b 2",
    "XADD x4 3-0 a 1 b 2",
    "XADD x4 5-0 a 1 b 2",
    "XDEL x4 3-0",
    "CONFIG SET stream-node-max-entries 100",
    "XADD x5 1-1 a 1",
    "XDEL x5 1-1",
    "XGROUP CREATE x5 g1 0",
    "PFADD p1 a b c d",
    "PFADD p2 a",
    "CONFIG SET hll-sparse-max-bytes 0",
    "PFADD p3 a b c",
    "CONFIG SET hll-sparse-max-bytes 3000",
};
constexpr std::string_view kScriptKeys =
    "s1 s2 s3 s4 s5 s6 l1 l2 l3 l4 i1 i2 i3 u1 u2 h1 h2 h3 z1 z2 z3 g1 x1 x2 x3 x4 x5 p1";
constexpr std::string_view kStrings = "p1 p1 p2 p3 b1 b2 s1";

std::string Expand(const std::string& word) {
  if (!word.starts_with('{')) return word;
  const bool varied = word.starts_with("{a:");
  const size_t size = std::stoul(word.substr(varied ? 3 : 1));
  if (!varied) return std::string(size, 'x');
  std::string text;
  for (size_t i = 0; i < size; ++i) text += static_cast<char>('!' + i * i * 7 % 90);
  return text;
}

std::vector<std::string> WordsOf(std::string_view line) {
  std::istringstream stream{std::string(line)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(Expand(word));
  return words;
}

}  // namespace

ValueScript MakeValueScript() {
  ValueScript script;
  for (const std::string_view line : kScript) script.requests.push_back(WordsOf(line));
  script.keys = WordsOf(kScriptKeys);
  script.strings = WordsOf(kStrings);
  return script;
}

}  // namespace resprobe::live
