#include "core/persistence/aof_rewrite.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace resprobe {
namespace {

// The commands, one a line, their words separated by blanks.
std::string Readable(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const size_t end = bytes.find("\r\n");
    const std::string_view header = bytes.substr(0, end);
    bytes.remove_prefix(end + 2);
    if (header[0] == '#') {
      text.append(header).append("\n");
    } else if (header[0] == '*') {
      if (!text.empty() && text.back() == ' ') text.back() = '\n';
    } else {
      const size_t size = std::stoul(std::string(header.substr(1)));
      text.append(bytes.substr(0, size)).append(" ");
      bytes.remove_prefix(size + 2);
    }
  }
  if (!text.empty()) text.back() = '\n';
  return text;
}

class AofRewriteTest : public testing::Test {
 protected:
  AofRewriteTest() { keyspace.Reset(1'700'000'000'000); }
  std::string Base(Profile profile = Profile::kRedis70, int64_t timestamp = -1) {
    std::string bytes;
    AppendAofBase(keyspace, profile, timestamp, &bytes);
    return Readable(bytes);
  }
  Keyspace keyspace;
};

TEST_F(AofRewriteTest, AnEmptyKeyspaceIsAnEmptyFile) {
  EXPECT_EQ(Base(), "");
  EXPECT_EQ(Base(Profile::kRedis70, 1700000000), "#TS:1700000000\n");
}

TEST_F(AofRewriteTest, EachTypeHasItsCommand) {
  keyspace.SetString(0, "s", "12");
  keyspace.SetExpiry(0, "s", 1'700'000'001'000);
  List& list = keyspace.FindOrCreate(0, "l", ObjectType::kList).list();
  list.PushBack("a");
  list.PushBack("b");
  Set& set = keyspace.FindOrCreate(0, "i", ObjectType::kSet).set();
  set.Add("10");
  set.Add("-2");
  set.Add("9");
  keyspace.FindOrCreate(2, "m", ObjectType::kSet).set().Add("x");
  Hash& hash = keyspace.FindOrCreate(2, "h", ObjectType::kHash).hash();
  hash.Set("f", "1");
  hash.Set("g", "2");
  EXPECT_EQ(Base(),
            "SELECT 0\nSET s 12\nPEXPIREAT s 1700000001000\nRPUSH l a b\nSADD i -2 9 10\n"
            "SELECT 2\nSADD m x\nHMSET h f 1 g 2\n");
}

TEST_F(AofRewriteTest, ScoresAreWrittenAsEachServerWritesThem) {
  ZSet& zset = keyspace.FindOrCreate(0, "z", ObjectType::kZset).zset();
  zset.Set("a", 1e9);
  zset.Set("b", 0.1);
  zset.Set("c", 1e20);
  zset.Set("d", std::numeric_limits<double>::infinity());
  zset.Set("e", 123456789012345678.0);
  EXPECT_EQ(Base(Profile::kRedis70),
            "SELECT 0\nZADD z 0.10000000000000001 b 1000000000 a 1.2345678901234568e+17 e 1e+20 c "
            "inf d\n");
  EXPECT_EQ(Base(Profile::kValkey80),
            "SELECT 0\nZADD z 0.1 b 1e+9 a 123456789012345680 e 1e+20 c inf d\n");
}

TEST_F(AofRewriteTest, ACommandHasAtMost64Elements) {
  List& list = keyspace.FindOrCreate(0, "l", ObjectType::kList).list();
  for (int i = 0; i < 130; ++i) list.PushBack("x");
  Hash& hash = keyspace.FindOrCreate(0, "h", ObjectType::kHash).hash();
  for (int i = 0; i < 65; ++i) hash.Set(std::to_string(i), "y");
  std::string bytes;
  AppendAofBase(keyspace, Profile::kRedis70, -1, &bytes);
  std::string headers;
  for (size_t at = bytes.find('*'); at != std::string::npos; at = bytes.find('*', at + 1)) {
    headers += bytes.substr(at, bytes.find('\r', at) - at);
  }
  EXPECT_EQ(headers, "*2*66*66*4*130*4");
}

}  // namespace
}  // namespace resprobe
