#include "live/restore/payload.h"

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/rng.h"
#include "gtest/gtest.h"
#include "live/restore/packed_blob.h"
#include "live/restore/payload_mutator.h"
#include "live/restore/payload_shrink.h"

namespace resprobe::live {
namespace {

using std::string_literals::operator""s;

// Values of DUMP, without footers. Redis 7.0.15 unless noted.
const std::string kString = "\0\5hello"s;
const std::string kInteger = "\0\xC1\x39\x30"s;  // 12345
const std::string kList =
    "\x12\x01\x02\x14\x14\0\0\0\4\0\x81\x61\2\1\1\xDF\xF9\2\x83\x33\x2E\x35\4\xFF"s;
const std::string kHash = "\x10\x0C\x0C\0\0\0\2\0\x81\x61\2\1\1\xFF"s;
const std::string kZSet = "\x11\x0C\x0C\0\0\0\2\0\x81\x61\2\1\1\xFF"s;
const std::string kIntset = "\x0B\x0C\2\0\0\0\2\0\0\0\1\0\2\0"s;
// Valkey 8.0.1: XADD 1-1 a 1 and a group with one pending entry.
const std::string kStream =
    "\x15\x01\x10\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\x1C\x1C\0\0\0\n\0\1\1\0\1\1\1\x81\x61\2\0\1\2\1\0"
    "\1"
    "\0\1\1\1\4\1\xFF\1\1\1\1\1\0\0\1\1\2g1\1\1\1\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1"
    "12345678\1\1\2c1"
    "1234567812345678"
    "\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1"s;

TEST(RdbChecksumTest, IsCrc64OfJones) {
  EXPECT_EQ(RdbChecksum("123456789"), 0xe9c6d914c4b8d9ca);
  EXPECT_EQ(RdbChecksum(""), 0u);
}

TEST(PayloadTest, WritesWhatItReads) {
  for (const std::string& value :
       {kString, kInteger, kList, kHash, kZSet, kIntset, kStream, "\x12\x01"s, "\x63hello"s, ""s,
        // A length in a longer form, and a string in LZF that a server has compressed.
        "\0\x80\0\0\0\1a"s, "\0\xC3\x09\x40\x64\1xx\xE0\x58\0\1xx"s}) {
    if (value.empty()) continue;
    EXPECT_EQ(WritePayload(ParsePayload(value)), value);
  }
  EXPECT_EQ(ParsePayload(kStream).parts.back().bytes, "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1"s);
  EXPECT_EQ(ParsePayload(kInteger).parts[0].bytes, "12345");
  EXPECT_EQ(ParsePayload(kList).parts[2].blob, Blob::kListpack);
}

TEST(PayloadTest, HasFootersOfAllKinds) {
  const std::string right = JoinDump(kString, Footer::kRight, 10);
  ASSERT_EQ(right.size(), kString.size() + 10);
  const auto split = SplitDump(right);
  ASSERT_TRUE(split);
  EXPECT_EQ(split->value, kString);
  EXPECT_EQ(split->version, 10);
  EXPECT_EQ(FromLittleEndian<uint64_t>(std::string_view(right).substr(right.size() - 8)),
            RdbChecksum(right.substr(0, right.size() - 8)));
  EXPECT_EQ(SplitDump(JoinDump(kString, Footer::kNewer, 10))->version, 11);
  EXPECT_LT(SplitDump(JoinDump(kString, Footer::kOlder, 10))->version, 10);
  EXPECT_NE(JoinDump(kString, Footer::kChecksum, 10), right);
  EXPECT_TRUE(JoinDump(kString, Footer::kZero, 10).ends_with("\0\0\0\0\0\0\0\0"s));
  EXPECT_EQ(JoinDump(kString, Footer::kNone, 10), kString);
  EXPECT_FALSE(SplitDump("0123456789"));
}

TEST(LzfTest, DecompressesWhatItCompresses) {
  Rng rng(1);
  for (const size_t size : {0, 1, 3, 31, 32, 33, 300, 9000}) {
    std::string text;
    for (size_t i = 0; i < size; ++i)
      text += static_cast<char>('a' + (rng.OneIn(20) ? rng.Below(3) : i % 5));
    const std::string compressed = CompressLzf(text);
    EXPECT_EQ(DecompressLzf(compressed, size), text) << size;
    EXPECT_TRUE(size < 300 || compressed.size() < size / 2) << size;
    EXPECT_FALSE(DecompressLzf(compressed, size + 1)) << size;
  }
  EXPECT_FALSE(DecompressLzf(" \x01"s, 3)) << "a reference before the start";
  EXPECT_FALSE(DecompressLzf("\2ab"s, 3)) << "literals that are not there";
}

std::vector<std::string> TextsOf(const PackedBlob& blob) {
  std::vector<std::string> texts;
  for (const PackedEntry& entry : blob.entries) {
    texts.push_back(TextOfEntry(entry.data, blob.ziplist).value_or("(none)"));
  }
  return texts;
}

TEST(PackedBlobTest, HoldsTheEntriesOfAListpack) {
  const std::string bytes = ParsePayload(kList).parts[2].bytes;
  const auto blob = ParsePacked(bytes, false);
  ASSERT_TRUE(blob);
  EXPECT_EQ(TextsOf(*blob), (std::vector<std::string>{"a", "1", "-7", "3.5"}));
  EXPECT_EQ(WritePacked(*blob), bytes);
  for (const PackedEntry& entry : blob->entries) EXPECT_EQ(entry.link, "");
}

TEST(PackedBlobTest, WritesEveryTextInEveryForm) {
  const std::string texts[] = {"0",
                               "12",
                               "13",
                               "127",
                               "128",
                               "-1",
                               "-4096",
                               "4095",
                               "4096",
                               "32768",
                               "-8388608",
                               "2147483648",
                               "-9223372036854775808",
                               "",
                               "a",
                               std::string(63, 'x'),
                               std::string(64, 'x'),
                               std::string(4095, 'x'),
                               std::string(20000, 'x'),
                               "01",
                               "-0"};
  for (const bool ziplist : {false, true}) {
    PackedBlob blob;
    blob.ziplist = ziplist;
    std::vector<std::string> expected;
    for (const std::string& text : texts) {
      for (uint64_t form = 0; form < 7; ++form) {
        blob.entries.push_back({.data = LongerEntryOf(text, ziplist, form)});
        expected.push_back(text);
      }
    }
    const auto read = ParsePacked(WritePacked(blob), ziplist);
    ASSERT_TRUE(read);
    EXPECT_EQ(TextsOf(*read), expected);
    EXPECT_EQ(WritePacked(*read), WritePacked(blob));
  }
}

TEST(PackedBlobTest, KeepsWhatIsWrong) {
  PackedBlob blob;
  blob.entries = {{.data = EntryOf("a", false), .link = "\x7F"}, {.data = EntryOf("b", false)}};
  blob.count = 7;
  blob.total = 3;
  const std::string bytes = WritePacked(blob);
  EXPECT_EQ(bytes.substr(0, 6), "\3\0\0\0\7\0"s);
  const auto read = ParsePacked(bytes, false);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->entries[0].link, "\x7F");
  EXPECT_FALSE(ParsePacked("\xF5"s, false));
}

TEST(PayloadMutatorTest, ChangesEverythingSometime) {
  const PayloadMutator mutator({kString, kInteger, kList, kHash, kZSet, kIntset, kStream});
  std::set<uint8_t> old_types;
  for (const PayloadValue& value : mutator.values()) old_types.insert(value.type);
  for (const uint8_t type : {1, 3, 4, 9, 10, 12, 13, 14}) {
    EXPECT_TRUE(old_types.contains(type)) << int{type};
  }
  std::set<std::string> made;
  std::set<uint8_t> types;
  constexpr uint64_t kSeeds = 20'000;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Rng rng(seed);
    Rng again(seed);
    const std::string value = mutator.Make(rng);
    ASSERT_EQ(value, mutator.Make(again)) << seed;
    made.insert(value);
    if (!value.empty()) types.insert(static_cast<uint8_t>(value[0]));
  }
  EXPECT_GT(made.size(), kSeeds / 2);
  EXPECT_GT(types.size(), 23u);
}

TEST(PayloadShrinkTest, KeepsWhatIsNeeded) {
  // A server that fails if a list has an element "-7".
  std::string value = kList;
  ShrinkPayload(&value, [](const std::string& candidate) {
    return candidate.starts_with("\x12\x01\x02") &&
           candidate.find("\xDF\xF9\2"s) != std::string::npos;
  });
  EXPECT_EQ(value, "\x12\x01\x02\x0A\x0A\0\0\0\1\0\xDF\xF9\2\xFF"s);
}

}  // namespace
}  // namespace resprobe::live
