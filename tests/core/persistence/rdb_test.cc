// Whole RDB files and DUMP payloads.

#include "core/persistence/rdb.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/crc64.h"
#include "core/persistence/listpack.h"
#include "core/persistence/little_endian.h"

namespace resprobe {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

template <size_t N>
std::string Bytes(const char (&text)[N]) {
  return std::string(text, N - 1);
}

std::string Text(std::string_view text) {
  return static_cast<char>(text.size()) + std::string(text);
}

std::string Listpack(const std::vector<std::string>& elements) {
  std::string blob;
  ListpackWriter writer(&blob);
  for (const std::string& element : elements) writer.Append(element);
  writer.Finish();
  return Text(blob);
}

// A file of this version with these bytes between its header and its checksum.
std::string File(std::string_view body, std::string_view version = "0010") {
  std::string file = "REDIS" + std::string(version) + std::string(body) + '\xff';
  AppendLittleEndian(Crc64(file), 8, &file);
  return file;
}

struct Loaded {
  Loaded() { keyspace.Reset(kNow); }

  RdbResult Load(std::string_view file, RdbReadOptions options = {}) {
    const RdbResult result = LoadRdb(file, options, &keyspace, &report);
    EXPECT_EQ(keyspace.CheckIntegrity(), "");
    return result;
  }

  Keyspace keyspace;
  RdbReport report;
};

// What loading a file with these bytes logs, "" if nothing.
std::string Log(std::string_view body, RdbReadOptions options = {}) {
  Loaded loaded;
  return loaded.Load(File(body), options).text;
}

// The value of a payload as text; an error in brackets.
std::string Value(std::string_view payload, RdbReadOptions options = {}) {
  Loaded loaded;
  const RdbResult result = ReadDumpPayload(payload, options, 0, "k", &loaded.keyspace);
  if (!result.ok()) {
    EXPECT_EQ(loaded.keyspace.KeyCount(0), 0U);
    EXPECT_EQ(loaded.keyspace.CheckIntegrity(), "");
    return "[" + result.text + "]";
  }
  loaded.keyspace.Modified(0, "k");
  EXPECT_EQ(loaded.keyspace.CheckIntegrity(), "");
  const Object& object = *loaded.keyspace.Find(0, "k");
  std::string text(ObjectTypeName(object.type()));
  if (object.type() == ObjectType::kString) return text + " " + object.string();
  for (size_t i = 0; i < object.size(); ++i) {
    text += " ";
    switch (object.type()) {
      case ObjectType::kList:
        text += object.list().at(i);
        break;
      case ObjectType::kHash:
        text += object.hash().fields().at(i).key + "=" + object.hash().fields().at(i).value;
        break;
      case ObjectType::kSet:
        text += object.set().members().at(i).key;
        break;
      case ObjectType::kZset: {
        char score[40];
        std::snprintf(score, sizeof score, "%g", object.zset().score_at(i));
        text += object.zset().member_at(i) + "=" + score;
        break;
      }
      default:
        break;
    }
  }
  return text;
}
std::string DeepValue(std::string_view payload) { return Value(payload, {.deep = true}); }

constexpr RdbReadOptions kValkey = {.profile = Profile::kValkey80};

TEST(RdbFileTest, ChecksItsHeader) {
  Loaded loaded;
  EXPECT_EQ(loaded.Load("REDIX0010\xff").text, "Wrong signature trying to load DB from file");
  EXPECT_EQ(loaded.Load(File("", "0011")).text, "Can't handle RDB format version 11");
  EXPECT_EQ(loaded.Load(File("", "0011"), kValkey).text, "");
  EXPECT_EQ(loaded.Load(File("", "0012"), kValkey).text, "Can't handle RDB format version 12");
  EXPECT_EQ(loaded.Load(File("", "0000")).text, "Can't handle RDB format version 0");
  EXPECT_EQ(loaded.Load(File("", "0001")).text, "");
  EXPECT_EQ(loaded.Load("REDIS001").error, RdbError::kShortRead);
}

TEST(RdbFileTest, ChecksItsChecksum) {
  Loaded loaded;
  std::string file = File("\xfe" + Bytes("\0\0\1k\1v"));
  EXPECT_TRUE(loaded.Load(file).ok());
  file[15] = 'w';
  EXPECT_EQ(loaded.Load(file).error, RdbError::kChecksum);
  EXPECT_TRUE(loaded.Load(file).text.starts_with("Wrong RDB checksum expected: ("));
  EXPECT_TRUE(loaded.Load(file, {.checksum = false}).ok());
  // 0 means that there is none, and versions before 5 have none.
  EXPECT_TRUE(loaded.Load(file.substr(0, file.size() - 8) + std::string(8, '\0')).ok());
  EXPECT_TRUE(loaded.Load("REDIS0004\xff").ok());
  EXPECT_EQ(loaded.Load("REDIS0005\xff").error, RdbError::kShortRead);
  EXPECT_TRUE(loaded.Load(File("") + "bytes after the end").ok());
  EXPECT_EQ(loaded.report.size, 18U);
}

TEST(RdbFileTest, ReadsEveryOpcode) {
  Loaded loaded;
  const std::string body = "\xfa" + Text("redis-ver") + Text("255.0") + "\xfa" + Text("ctime") +
                           Bytes("\xc1\x39\x30") + "\xfa" + Text("aof-base") + Bytes("\xc0\x01") +
                           "\xfa" + Text("unknown") + Text("field") +       //
                           "\xf5" + Text("#!lua name=lib") +                // FUNCTION2
                           "\xfe\x02" + Bytes("\xfb\x05\x01") +             // SELECTDB, RESIZEDB
                           Bytes("\xfc\x00\x00\x00\x00\x00\x02\x00\x00") +  // in ms
                           Bytes("\xf8\x0a") + Bytes("\x00\x01") + "a\x01" + "1" +
                           Bytes("\xfd\xff\xff\xff\x7f") + Bytes("\xf9\x05") +  // in s, FREQ
                           Bytes("\x00\x01") + "b\x01" + "2" + Bytes("\x00\x01") + "c\x01" + "3";
  EXPECT_EQ(loaded.Load(File(body)).text, "");
  EXPECT_EQ(loaded.report.version, 10);
  EXPECT_EQ(loaded.report.ctime, 12345);
  EXPECT_TRUE(loaded.report.aof_base);
  EXPECT_EQ(loaded.report.loaded, 3U);
  EXPECT_EQ(loaded.keyspace.KeyCount(2), 3U);
  EXPECT_EQ(loaded.keyspace.Peek(2, "a")->expire_at(), int64_t{1} << 41);
  EXPECT_EQ(loaded.keyspace.Peek(2, "a")->used_at(), kNow - 10'000);
  EXPECT_EQ(loaded.keyspace.Peek(2, "b")->expire_at(), INT32_MAX * int64_t{1000});
  EXPECT_EQ(loaded.keyspace.Peek(2, "c")->expire_at(), kNoExpiry);
  EXPECT_EQ(loaded.keyspace.Peek(2, "c")->used_at(), kNow);
}

TEST(RdbFileTest, RefusesByName) {
  EXPECT_EQ(Log("\xfe\x10"),
            "FATAL: Data file was created with a Redis server configured to handle more than 16 "
            "databases. Exiting");
  EXPECT_EQ(Log("\x0f" + Text("k")), "RDB type 15 is a stream");
  EXPECT_EQ(Log("\x13" + Text("k")), "RDB type 19 is a stream");
  EXPECT_EQ(Log("\x15" + Text("k")), "Unknown RDB encoding type 21");
  EXPECT_EQ(Log("\x15" + Text("k"), kValkey), "RDB type 21 is a stream");
  EXPECT_EQ(Log("\x14" + Text("k")), "Unknown RDB encoding type 20");
  EXPECT_EQ(Log("\x06" + Text("k")), "RDB type 6 is a module's");
  EXPECT_EQ(Log("\x07" + Text("k")), "RDB type 7 is a module's");
  EXPECT_EQ(Log("\x08" + Text("k")), "Unknown RDB encoding type 8");
  EXPECT_EQ(Log("\x64" + Text("k")), "Unknown RDB encoding type 100");
  EXPECT_EQ(Log("\xf7"), "The RDB file contains AUX module data I can't load");
  EXPECT_EQ(Log("\xf6"), "Pre-release function format not supported.");
}

TEST(RdbFileTest, DropsWhatHasExpired) {
  const std::string expired = Bytes("\xfc\x01\0\0\0\0\0\0\0") + Bytes("\0\x01k\x01v");
  Loaded loaded;
  EXPECT_TRUE(loaded.Load(File(expired)).ok());
  EXPECT_EQ(loaded.report.expired, 1U);
  EXPECT_EQ(loaded.keyspace.KeyCount(0), 0U);
  EXPECT_TRUE(loaded.Load(File(expired), {.keep_expired = true}).ok());
  EXPECT_EQ(loaded.keyspace.KeyCount(0), 1U);
  // An expired copy of a key is no second one.
  EXPECT_TRUE(loaded.Load(File(Bytes("\0\x01k\x01w") + expired)).ok());
  EXPECT_EQ(loaded.keyspace.Find(0, "k")->string(), "w");
}

TEST(RdbFileTest, RefusesAKeyTwice) {
  EXPECT_EQ(Log(Bytes("\0\x01k\x01v\0\x01k\x01v")), "RDB has duplicated key 'k' in DB 0");
  EXPECT_EQ(Log(Bytes("\0\x01k\x01v\xfe\x01\0\x01k\x01v")), "");
}

TEST(RdbFileTest, SkipsEmptyCollections) {
  const std::string empty_list = Bytes("\x12\x01k\0");
  Loaded loaded;
  EXPECT_TRUE(loaded.Load(File(empty_list + Bytes("\0\x01v\x01v"))).ok());
  EXPECT_EQ(loaded.report.empty, 1U);
  EXPECT_EQ(loaded.keyspace.KeyCount(0), 1U);
  EXPECT_EQ(Value(Bytes("\x12\0")), "[rdbLoadObject skipping empty key: k]");
  for (const std::string& empty :
       {Bytes("\x01\0"), Bytes("\x02\0"), Bytes("\x04\0"), Bytes("\x03\0"), Bytes("\x05\0"),
        "\x10" + Listpack({}), "\x11" + Listpack({}), Bytes("\x12\x01\x02") + Listpack({})}) {
    EXPECT_EQ(Value(empty), "[rdbLoadObject skipping empty key: k]");
  }
}

TEST(RdbValueTest, ReadsEveryType) {
  EXPECT_EQ(Value(Bytes("\x00\xc0\x07")), "string 7");
  EXPECT_EQ(Value(Bytes("\x01\x02\x01"
                        "a\xc0\x07")),
            "list a 7");
  EXPECT_EQ(Value(Bytes("\x02\x02\x01"
                        "a\xc0\x07")),
            "set a 7");
  EXPECT_EQ(Value(Bytes("\x04\x01\x01"
                        "a\xc0\x07")),
            "hash a=7");
  EXPECT_EQ(Value(Bytes("\x03\x02\x01"
                        "a\x03"
                        "1.5\x01"
                        "b\xff")),
            "zset b=-inf a=1.5");
  EXPECT_EQ(Value(Bytes("\x05\x01\x01"
                        "a\0\0\0\0\0\0\xf8\x3f")),
            "zset a=1.5");
  EXPECT_EQ(Value(Bytes("\x0b\x0c\x02\0\0\0\x02\0\0\0\x01\0\x02\0")), "set 1 2");
  EXPECT_EQ(Value("\x10" + Listpack({"f", "1", "g", "v"})), "hash f=1 g=v");
  EXPECT_EQ(Value("\x11" + Listpack({"f", "1", "g", "2.5"})), "zset f=1 g=2.5");
  EXPECT_EQ(Value("\x14" + Listpack({"f", "1"}), kValkey), "set f 1");
  EXPECT_EQ(Value(Bytes("\x12\x03\x02") + Listpack({"a", "1"}) + Bytes("\x01\x05plain\x02") +
                  Listpack({"z"})),
            "list a 1 plain z");
  EXPECT_EQ(Value(Bytes("\x09\x07\x01\x01"
                        "f\x01\0v\xff")),
            "hash f=v");
  const std::string ziplist =
      Text(Bytes("\x12\0\0\0\x0d\0\0\0\x02\0\0\x01"
                 "a\x03\xc0\x05\0\xff"));
  EXPECT_EQ(Value("\x0a" + ziplist), "list a 5");
  EXPECT_EQ(Value("\x0c" + ziplist), "zset a=5");
  EXPECT_EQ(Value("\x0d" + ziplist), "hash a=5");
  EXPECT_EQ(Value(Bytes("\x0e\x02") + ziplist + ziplist), "list a 5 a 5");
}

TEST(RdbValueTest, RefusesMembersTwice) {
  EXPECT_EQ(Value(Bytes("\x02\x02\x01"
                        "a\x01"
                        "a")),
            "[Duplicate set members detected]");
  EXPECT_EQ(Value(Bytes("\x05\x02\x01"
                        "a\0\0\0\0\0\0\xf8\x3f\x01"
                        "a\0\0\0\0\0\0\xf8\x3f")),
            "[Duplicate zset fields detected]");
  const std::string hash = Bytes(
      "\x04\x02\x01"
      "a\x01x\x01"
      "a\x01y");
  EXPECT_EQ(Value(hash), "hash a=x");
  EXPECT_EQ(DeepValue(hash), "[Hash with dup elements]");
  // In its table encoding, a hash refuses them without the deep check.
  EXPECT_EQ(Value(Bytes("\x04\x02\x01"
                        "a\x40\x41") +
                  std::string(65, 'x') +
                  Bytes("\x01"
                        "a\x01y")),
            "[Duplicate hash fields detected]");
  EXPECT_EQ(Value("\x10" + Listpack({"f", "1", "f", "2"})), "hash f=1");
  EXPECT_EQ(DeepValue("\x10" + Listpack({"f", "1", "f", "2"})),
            "[Hash listpack integrity check failed.]");
  EXPECT_EQ(DeepValue("\x11" + Listpack({"f", "1", "f", "2"})),
            "[Zset listpack integrity check failed.]");
  EXPECT_EQ(Value("\x14" + Listpack({"f", "f"}), {Profile::kValkey80, false, true}),
            "[Set listpack integrity check failed.]");
}

TEST(RdbValueTest, RefusesNan) {
  EXPECT_EQ(Value(Bytes("\x03\x01\x01"
                        "a\xfd")),
            "[Zset with NAN score detected]");
  EXPECT_EQ(Value(Bytes("\x05\x01\x01"
                        "a\0\0\0\0\0\0\xf8\x7f")),
            "[Zset with NAN score detected]");
  EXPECT_EQ(Value("\x11" + Listpack({"f", "nan"})), "[Zset listpack integrity check failed.]");
}

TEST(RdbValueTest, ChecksBlobsDeeplyOnlyIfTold) {
  std::string odd = "\x10" + Listpack({"f", "1", "g"});
  EXPECT_EQ(Value(odd), "hash f=1");
  EXPECT_EQ(DeepValue(odd), "[Hash listpack integrity check failed.]");
  std::string broken = Bytes("\x12\x01\x02") + Listpack({"a", "b"});
  broken[broken.size() - 3] = '\x70';  // the length of the second element
  broken[broken.size() - 4] = '\x90';
  EXPECT_EQ(Value(broken), "list a");
  EXPECT_EQ(DeepValue(broken), "[Listpack integrity check failed.]");
  const std::string intset = Bytes("\x0b\x0c\x02\0\0\0\x02\0\0\0\x02\0\x01\0");
  EXPECT_EQ(Value(intset), "set 2");
  EXPECT_EQ(DeepValue(intset), "[Intset integrity check failed.]");
  // Always checked: what becomes a listpack first.
  const std::string ziplist =
      Text(Bytes("\x12\0\0\0\x0d\0\0\0\x03\0\0\x01"
                 "a\x03\xc0\x05\0\xff"));
  EXPECT_EQ(Value("\x0a" + ziplist), "[List ziplist integrity check failed.]");
  EXPECT_EQ(Value("\x0c" + ziplist), "[Zset ziplist integrity check failed.]");
  EXPECT_EQ(Value("\x0d" + ziplist), "[Hash ziplist integrity check failed.]");
  EXPECT_EQ(Value(Bytes("\x0e\x01") + ziplist), "[Ziplist integrity check failed.]");
  EXPECT_EQ(Value(Bytes("\x09\x07\x02\x01"
                        "f\x01\0v\xff")),
            "[Zipmap integrity check failed.]");
  EXPECT_EQ(Value(Bytes("\x12\x01\x01\x00")),
            "[Short read or OOM loading DB. Unrecoverable error, aborting now.]");
  // A server believes a header that says there are no elements.
  std::string no_elements = "\x10" + Listpack({"f", "1"});
  no_elements[6] = 0;
  EXPECT_EQ(Value(no_elements), "[rdbLoadObject skipping empty key: k]");
  EXPECT_EQ(DeepValue(no_elements), "[Hash listpack integrity check failed.]");
  no_elements[6] = 1;  // half a pair
  EXPECT_EQ(Value(no_elements), "[rdbLoadObject skipping empty key: k]");
  EXPECT_EQ(Value(Bytes("\x12\x01\x03\x01"
                        "a")),
            "[Quicklist integrity check failed.]");
}

TEST(RdbValueTest, KeepsTheEncodingOfABlob) {
  const auto encoding = [](const std::string& payload) {
    Loaded loaded;
    EXPECT_TRUE(ReadDumpPayload(payload, kValkey, 0, "k", &loaded.keyspace).ok());
    const Object& object = *loaded.keyspace.Find(0, "k");
    std::string again;
    AppendDumpPayload(object, Profile::kValkey80, true, &again);
    return int{again[0]};
  };
  const std::string long_text(100, 'x');
  const auto listpack = [&](const std::vector<std::string>& elements) {
    const std::string text = Listpack(elements);
    return Bytes("\x40") + text;  // its length takes 14 bits
  };
  EXPECT_EQ(encoding("\x10" + listpack({"f", long_text})), 16);
  EXPECT_EQ(encoding("\x11" + listpack({long_text, "1"})), 17);
  EXPECT_EQ(encoding("\x14" + listpack({long_text})), 20);
  EXPECT_EQ(encoding("\x14" + Listpack({"1", "2"})), 20);
  EXPECT_EQ(encoding(Bytes("\x02\x02\x01"
                           "1\x01"
                           "2")),
            11);
}

TEST(RdbValueTest, PackedSortedSetsHaveNoNegativeZero) {
  Loaded loaded;
  EXPECT_TRUE(ReadDumpPayload(Bytes("\x05\x01\x01"
                                    "a\0\0\0\0\0\0\0\x80"),
                              {}, 0, "k", &loaded.keyspace)
                  .ok());
  EXPECT_FALSE(std::signbit(loaded.keyspace.Find(0, "k")->zset().score_at(0)));
  EXPECT_TRUE(ReadDumpPayload("\x11" + Listpack({"a", "-0"}), {}, 0, "l", &loaded.keyspace).ok());
  EXPECT_FALSE(std::signbit(loaded.keyspace.Find(0, "l")->zset().score_at(0)));
  EXPECT_EQ(loaded.keyspace.Find(0, "l")->size(), 1U);
  // The large one has it.
  EXPECT_TRUE(ReadDumpPayload(
                  Bytes("\x05\x01\x40\x41") + std::string(65, 'x') + Bytes("\0\0\0\0\0\0\0\x80"),
                  {}, 0, "m", &loaded.keyspace)
                  .ok());
  EXPECT_TRUE(std::signbit(loaded.keyspace.Find(0, "m")->zset().score_at(0)));
}

TEST(DumpPayloadTest, ChecksItsFooter) {
  Loaded loaded;
  loaded.keyspace.SetString(0, "k", "hello");
  std::string payload;
  AppendDumpPayload(*loaded.keyspace.Find(0, "k"), Profile::kRedis70, true, &payload);
  // Recorded: redis 7.0.15.
  EXPECT_EQ(payload, Bytes("\x00\x05hello\x0a\x00\x63\x72\xdf\x76\x65\x34\x20\x0a"));
  EXPECT_TRUE(DumpPayloadFits(payload, Profile::kRedis70));
  EXPECT_TRUE(DumpPayloadFits(payload, Profile::kValkey80));
  EXPECT_FALSE(DumpPayloadFits("\x01" + payload.substr(1), Profile::kRedis70));
  EXPECT_FALSE(DumpPayloadFits(payload.substr(0, 9), Profile::kRedis70, false));
  const auto with = [](std::string body, uint64_t version) {
    AppendLittleEndian(version, 2, &body);
    AppendLittleEndian(Crc64(body), 8, &body);
    return body;
  };
  EXPECT_FALSE(DumpPayloadFits(with("x", 11), Profile::kRedis70));
  EXPECT_TRUE(DumpPayloadFits(with("x", 11), Profile::kValkey80));
  EXPECT_FALSE(DumpPayloadFits(with("x", 12), Profile::kValkey80));
  EXPECT_TRUE(DumpPayloadFits(with("x", 1), Profile::kRedis70));
  EXPECT_FALSE(DumpPayloadFits(Bytes("\0\x01v\x0a\0\0\0\0\0\0\0\0\0"), Profile::kRedis70));
  EXPECT_TRUE(DumpPayloadFits(Bytes("\0\x01v\x0a\0\0\0\0\0\0\0\0\0"), Profile::kRedis70, false));
}

TEST(DumpPayloadTest, MayRunIntoItsFooter) {
  EXPECT_EQ(Value(Bytes("\0\x05"
                        "abc\x0a\0........")),
            Bytes("string abc\x0a\0"));
}

std::string ReadFile(const std::string& name) {
  std::ifstream in(
      std::string(std::getenv("RESPROBE_SOURCE_DIR")) + "/tests/core/persistence/" + name,
      std::ios::binary);
  EXPECT_TRUE(in.good()) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

class RecordedTest : public testing::TestWithParam<Profile> {
 protected:
  std::string File() const {
    return ReadFile(GetParam() == Profile::kRedis70 ? "recorded/redis-7.0.15.rdb"
                                                    : "recorded/valkey-8.0.1.rdb");
  }
};

INSTANTIATE_TEST_SUITE_P(Profiles, RecordedTest,
                         testing::Values(Profile::kRedis70, Profile::kValkey80));

// The same keys on both servers, of every type and encoding.
TEST_P(RecordedTest, IsLoaded) {
  Loaded loaded;
  const RdbResult result = loaded.Load(File(), {.profile = GetParam(), .deep = true});
  EXPECT_EQ(result.text, "");
  EXPECT_EQ(loaded.report.version, GetParam() == Profile::kRedis70 ? 10 : 11);
  EXPECT_EQ(loaded.report.loaded, 23U);
  EXPECT_GT(loaded.report.ctime, 1'700'000'000);
  EXPECT_EQ(loaded.keyspace.Find(0, "s:int")->string(), "123");
  EXPECT_EQ(loaded.keyspace.Find(0, "l:big")->list().size(), 2100U);
  EXPECT_EQ(loaded.keyspace.Find(0, "z:many")->zset().score_at(199), 49.75);
  EXPECT_EQ(loaded.keyspace.Find(0, "ttl")->expire_at(), 32503680000000);
  EXPECT_EQ(loaded.keyspace.Find(3, "k3")->string(), "v3");
}

// What is written of a recorded file is the recorded bytes, apart from the order of hash tables.
TEST_P(RecordedTest, IsWrittenAsItWas) {
  Loaded loaded;
  ASSERT_TRUE(loaded.Load(File(), {.profile = GetParam()}).ok());
  const std::string recorded = File();
  for (size_t i = 0; i < loaded.keyspace.keys(0).size(); ++i) {
    const auto& entry = loaded.keyspace.keys(0).at(i);
    std::string payload;
    AppendDumpPayload(entry.value, GetParam(), true, &payload);
    std::string found = payload.substr(0, 1) + Text(entry.key);
    found += payload.substr(1, payload.size() - 11);
    EXPECT_NE(recorded.find(found), std::string::npos) << entry.key;
  }
  std::string again;
  AppendRdb(loaded.keyspace,
            {.profile = GetParam(), .ctime = loaded.report.ctime, .used_memory = 1}, &again);
  EXPECT_EQ(again.substr(0, 60), recorded.substr(0, 60));
  Loaded second;
  EXPECT_EQ(second.Load(again, {.profile = GetParam(), .deep = true}).text, "");
  EXPECT_EQ(second.keyspace.Digest(), loaded.keyspace.Digest());
}

TEST_P(RecordedTest, AnyPartAndAnyDamageIsRefusedOrLoaded) {
  // The long keys would take most of the time.
  Loaded loaded;
  ASSERT_TRUE(loaded.Load(File(), {.profile = GetParam()}).ok());
  for (const char* key : {"l:big", "l:huge", "h:many", "z:many", "st:big", "s:bin", "s:long"}) {
    loaded.keyspace.Remove(0, key);
  }
  std::string small;
  AppendRdb(loaded.keyspace, {.profile = GetParam(), .compress = false}, &small);
  Loaded to;
  EXPECT_TRUE(to.Load(small, {.profile = GetParam()}).ok());
  for (size_t size = 0; size < small.size(); ++size) {
    const std::vector<char> part(small.begin(), small.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_EQ(to.Load({part.data(), part.size()}, {.profile = GetParam()}).error,
              RdbError::kShortRead)
        << size;
  }
  for (size_t i = 0; i < small.size(); ++i) {
    for (const char byte : {'\0', '\x80', '\x81', '\xc3', '\xff', '\x07'}) {
      std::vector<char> wrong(small.begin(), small.end());
      wrong[i] = byte;
      for (const bool deep : {false, true}) {
        to.Load({wrong.data(), wrong.size()},
                {.profile = GetParam(), .deep = deep, .checksum = false});
      }
    }
  }
}

TEST(RdbFileTest, NotifiesOfTheFlushAlone) {
  struct Observer : KeyspaceObserver {
    void OnKeyModified(int, std::string_view, bool) override { ++others; }
    void OnKeyGone(int, std::string_view) override { ++others; }
    void OnFlush(int) override { ++flushes; }
    int flushes = 0;
    int others = 0;
  } observer;
  Loaded loaded;
  loaded.keyspace.SetString(0, "old", "value");
  loaded.keyspace.Modified(0, "old");
  loaded.keyspace.set_observer(&observer);
  EXPECT_TRUE(loaded.Load(File(Bytes("\0\x01k\x01v"))).ok());
  EXPECT_EQ(observer.flushes, 1);
  EXPECT_EQ(observer.others, 0);
  EXPECT_EQ(loaded.keyspace.Peek(0, "old"), nullptr);
}

}  // namespace
}  // namespace resprobe
