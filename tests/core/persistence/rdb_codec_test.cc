// The parts of RDB: checksum, compression, packed blobs, lengths, strings.

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/crc64.h"
#include "core/persistence/intset.h"
#include "core/persistence/listpack.h"
#include "core/persistence/little_endian.h"
#include "core/persistence/lzf.h"
#include "core/persistence/rdb_bytes.h"
#include "core/persistence/ziplist.h"
#include "core/persistence/zipmap.h"

namespace resprobe {
namespace {

using Strings = std::vector<std::string>;

template <size_t N>
std::string Bytes(const char (&text)[N]) {
  return std::string(text, N - 1);
}

// The elements, then how the blob ended: "end", "broken", "bad end", "bad header".
template <class Reader>
Strings Elements(std::string_view blob) {
  Strings elements;
  Reader reader(blob);
  if (!reader.HeaderFits()) return {"bad header"};
  for (;;) {
    PackedElement element;
    const PackedStep step = reader.Next(&element);
    if (step == PackedStep::kBroken) {
      elements.emplace_back("broken");
      return elements;
    }
    if (step == PackedStep::kEnd) {
      if constexpr (requires { reader.EndsWell(); }) {
        elements.emplace_back(reader.EndsWell() ? "end" : "bad end");
      } else {
        elements.emplace_back("end");
      }
      return elements;
    }
    char digits[32];
    elements.emplace_back(element.Text(digits));
  }
}

// Every prefix, and every byte changed: a reader may say anything, but reads nothing outside.
template <class Reader>
void ReadDamaged(std::string_view blob) {
  for (size_t size = 0; size < blob.size(); ++size) {
    const std::vector<char> exact(blob.begin(), blob.begin() + static_cast<ptrdiff_t>(size));
    Elements<Reader>({exact.data(), exact.size()});
  }
  for (size_t i = 0; i < blob.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::vector<char> wrong(blob.begin(), blob.end());
      wrong[i] = static_cast<char>(byte);
      Elements<Reader>({wrong.data(), wrong.size()});
    }
  }
}

TEST(Crc64Test, IsThatOfTheServer) {
  EXPECT_EQ(Crc64("123456789"), 0xe9c6d914c4b8d9caU);
  EXPECT_EQ(Crc64(""), 0U);
  const std::string text = "bytes of any length, in any pieces";
  for (size_t i = 0; i <= text.size(); ++i) {
    EXPECT_EQ(Crc64(Crc64(text.substr(0, i)), text.substr(i)), Crc64(text)) << i;
  }
}

TEST(LzfTest, ReadsCopiesThatOverlap) {
  std::string out;
  EXPECT_TRUE(LzfDecompress(Bytes("\x00"
                                  "a\xe0\x1e\x00\x01"
                                  "aa"),
                            42, &out));
  EXPECT_EQ(out, std::string(42, 'a'));
}

TEST(LzfTest, RefusesWrongBytes) {
  std::string out;
  const auto reads = [&](const std::string& bytes, uint64_t size) {
    return LzfDecompress(bytes, size, &out);
  };
  EXPECT_TRUE(reads(Bytes("\x01"
                          "ab"),
                    2));
  EXPECT_FALSE(reads(Bytes("\x01"
                           "ab"),
                     3));  // another length
  EXPECT_FALSE(reads(Bytes("\x01"
                           "ab"),
                     1));
  EXPECT_FALSE(reads(Bytes("\x02"
                           "ab"),
                     3));  // overrun of the input
  EXPECT_FALSE(reads(Bytes("\x00"
                           "a\x20\x01"),
                     4));  // before the start
  EXPECT_TRUE(reads(Bytes("\x00"
                          "a\x20\x00"),
                    4));
  EXPECT_FALSE(reads(Bytes("\x00"
                           "a\x20"),
                     4));  // a copy without its distance
  EXPECT_FALSE(reads(Bytes("\x00"
                           "a\xe0"),
                     10));  // or without its length
  EXPECT_FALSE(reads(Bytes("\x00"
                           "a\x40\x00"),
                     4));              // overrun of the output
  EXPECT_TRUE(reads("any bytes", 0));  // as on the server
  EXPECT_EQ(out, "");
}

TEST(LzfTest, AllocatesNothingForASizeThatCannotBe) {
  std::string out;
  EXPECT_FALSE(LzfDecompress("ab", UINT64_MAX, &out));
  EXPECT_FALSE(LzfDecompress("ab", 3 * kMostLzfExpansion, &out));
  EXPECT_LT(out.capacity(), 100U);
}

TEST(LzfTest, ReadsDamagedBytes) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "word" + std::to_string(i % 7) + " ";
  std::string compressed;
  ASSERT_TRUE(LzfCompressor().Compress(text, text.size(), &compressed));
  std::string out;
  for (size_t i = 0; i < compressed.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      // Of the exact sizes, so that AddressSanitizer sees what is outside.
      std::vector<char> wrong(compressed.begin(), compressed.end());
      wrong[i] = static_cast<char>(byte);
      LzfDecompress({wrong.data(), wrong.size()}, text.size(), &out);
      LzfDecompress({wrong.data(), i + 1}, text.size(), &out);
    }
  }
}

TEST(LzfTest, CompressesWhatItReads) {
  LzfCompressor compressor;
  uint64_t state = 1;
  size_t compressed_ones = 0;
  for (size_t size = 1; size < 600; ++size) {
    std::string text;
    for (size_t i = 0; i < size; ++i) {
      state = state * 6364136223846793005 + 1442695040888963407;
      text += static_cast<char>('a' + (state >> 60) % (1 + size % 4));
    }
    std::string compressed;
    if (!compressor.Compress(text, size, &compressed)) continue;
    ++compressed_ones;
    EXPECT_LE(compressed.size(), size);
    std::string again;
    EXPECT_TRUE(LzfDecompress(compressed, size, &again)) << size;
    EXPECT_EQ(again, text);
  }
  EXPECT_GT(compressed_ones, 400U);
}

std::string Listpack(const Strings& elements) {
  std::string blob;
  ListpackWriter writer(&blob);
  for (const std::string& element : elements) writer.Append(element);
  writer.Finish();
  return blob;
}

TEST(ListpackTest, StoresNumbersInTheirSmallestForm) {
  // Recorded: the list of redis 7.0.15 with these elements.
  const Strings elements = {"a",      "1",        "-5",         "4095",
                            "4096",   "-4097",    "32768",      "8388608",
                            "-32768", "-8388608", "2147483648", "-9223372036854775808"};
  const std::string blob = Listpack(elements);
  const std::string expected = Bytes(
      "\x4f\0\0\0\x0c\0\x81"
      "a\x02\x01\x01\xdf\xfb\x02\xcf\xff\x02\xf1\x00\x10\x03\xf1\xff\xef\x03\xf2\x00\x80\x00\x04"
      "\xf3\x00\x00\x80\x00\x05\xf1\x00\x80\x03\xf2\x00\x00\x80\x04"
      "\xf4\x00\x00\x00\x80\x00\x00\x00\x00\x09"
      "\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09\xff");
  EXPECT_EQ(blob.substr(6), expected.substr(6));
  EXPECT_EQ(LoadLittleEndian(blob, 4), blob.size());
  EXPECT_EQ(LoadLittleEndian(blob.substr(4), 2), elements.size());
  Strings read = elements;
  read.emplace_back("end");
  EXPECT_EQ(Elements<ListpackReader>(blob), read);
}

TEST(ListpackTest, HasAllLengths) {
  for (const size_t size : {0, 1, 63, 64, 126, 127, 4095, 4096, 16379, 16380, 16383, 2097151}) {
    const std::string text(size, 'x');
    EXPECT_EQ(Elements<ListpackReader>(Listpack({"a", text, "b"})),
              (Strings{"a", text, "b", "end"}))
        << size;
  }
}

TEST(ListpackTest, ChecksItsHeader) {
  const std::string blob = Listpack({"a"});
  EXPECT_EQ(Elements<ListpackReader>(blob.substr(0, 6)), Strings{"bad header"});
  EXPECT_EQ(Elements<ListpackReader>(blob + '\xff'), Strings{"bad header"});  // total
  std::string wrong = blob;
  wrong.back() = '\xfe';
  EXPECT_EQ(Elements<ListpackReader>(wrong), Strings{"bad header"});
  EXPECT_EQ(Elements<ListpackReader>(Listpack({})), Strings{"end"});
}

TEST(ListpackTest, ChecksItsEntries) {
  const auto with = [](size_t at, char byte) {
    std::string blob = Listpack({"ab", "1"});
    blob[at] = byte;
    return Elements<ListpackReader>(blob);
  };
  EXPECT_EQ(with(6, '\x82'), (Strings{"ab", "1", "end"}));
  EXPECT_EQ(with(6, '\x86'), Strings{"broken"});                // outside
  EXPECT_EQ(with(6, '\xf0'), Strings{"broken"});                // a length outside
  EXPECT_EQ(with(6, '\xf5'), Strings{"broken"});                // no code
  EXPECT_EQ(with(9, '\x02'), Strings{"broken"});                // backward length
  EXPECT_EQ(with(6, '\xff'), Strings{"bad end"});               // an end before the end
  EXPECT_EQ(with(4, '\x03'), (Strings{"ab", "1", "bad end"}));  // count
  std::string code = Listpack({"a", "bcdefghijkl"});
  code.replace(6, 8,
               Bytes("\xf5"
                     "123456\x07"));  // as long as its backward length says
  EXPECT_EQ(Elements<ListpackReader>(code), Strings{"broken"});
  // An end before the end, after as many elements as the header says.
  std::string early = Listpack({"a", "b"});
  early[4] = 1;
  early[9] = '\xff';
  EXPECT_EQ(Elements<ListpackReader>(early), (Strings{"a", "bad end"}));
  // A long entry that leaves no room for its backward length.
  std::string full = Listpack({std::string(200, 'x')});
  full.erase(full.size() - 3, 2);
  StoreLittleEndian(full.size(), 4, 0, &full);
  const std::vector<char> exact(full.begin(), full.end());
  EXPECT_EQ(Elements<ListpackReader>({exact.data(), exact.size()}), Strings{"broken"});
  std::string unknown = Listpack({"a"});
  unknown[4] = unknown[5] = '\xff';
  EXPECT_EQ(Elements<ListpackReader>(unknown), (Strings{"a", "end"}));
}

TEST(ListpackTest, ReadsDamagedBytes) {
  ReadDamaged<ListpackReader>(
      Listpack({"ab", "1", "-5000", "100000", std::string(70, 'x'), "8388607", "5000000000", "7"}));
}

TEST(IntsetTest, HasTheWidthOfItsGreatest) {
  std::string blob;
  AppendIntset(std::vector<int64_t>{-3, 1, 2}, &blob);
  EXPECT_EQ(blob, Bytes("\x02\0\0\0\x03\0\0\0\xfd\xff\x01\x00\x02\x00"));
  EXPECT_EQ(Elements<IntsetReader>(blob), (Strings{"-3", "1", "2", "end"}));
  blob.clear();
  AppendIntset(std::vector<int64_t>{-32769, 1}, &blob);
  EXPECT_EQ(blob[0], 4);
  EXPECT_EQ(Elements<IntsetReader>(blob), (Strings{"-32769", "1", "end"}));
  blob.clear();
  AppendIntset(std::vector<int64_t>{1, INT64_MAX}, &blob);
  EXPECT_EQ(blob[0], 8);
  EXPECT_EQ(Elements<IntsetReader>(blob), (Strings{"1", "9223372036854775807", "end"}));
  ReadDamaged<IntsetReader>(blob);
}

TEST(IntsetTest, ChecksItself) {
  const std::string good = Bytes("\x02\0\0\0\x02\0\0\0\x01\x00\x02\x00");
  EXPECT_EQ(Elements<IntsetReader>(good.substr(0, 7)), Strings{"bad header"});
  EXPECT_EQ(Elements<IntsetReader>(Bytes("\x03\0\0\0\x01\0\0\0\x01\x00\x02")),
            Strings{"bad header"});                                                       // width
  EXPECT_EQ(Elements<IntsetReader>(good + "x"), Strings{"bad header"});                   // size
  EXPECT_EQ(Elements<IntsetReader>(Bytes("\x02\0\0\0\0\0\0\0")), Strings{"bad header"});  // empty
  EXPECT_EQ(Elements<IntsetReader>(Bytes("\x02\0\0\0\x02\0\0\0\x02\x00\x02\x00")),
            (Strings{"2", "broken"}));  // not ascending
}

// All codes of a ziplist: strings of 6, 14 and 32 bit lengths, all integers.
std::string Ziplist(const std::vector<std::string>& entries) {
  std::string body;
  size_t before = 0;
  size_t last = 10;
  for (const std::string& entry : entries) {
    last = 10 + body.size();
    std::string whole;
    if (before < 254) {
      whole += static_cast<char>(before);
    } else {
      whole += '\xfe';
      AppendLittleEndian(before, 4, &whole);
    }
    whole += entry;
    before = whole.size();
    body += whole;
  }
  std::string blob;
  AppendLittleEndian(10 + body.size() + 1, 4, &blob);
  AppendLittleEndian(last, 4, &blob);
  AppendLittleEndian(entries.size(), 2, &blob);
  return blob + body + '\xff';
}

TEST(ZiplistTest, ReadsAllCodes) {
  const std::string long_text(300, 'x');
  const std::string blob =
      Ziplist({Bytes("\x02"
                     "ab"),
               Bytes("\x41\x2c") + long_text, Bytes("\x80\0\0\0\x01y"), Bytes("\xc0\xff\xff"),
               Bytes("\xd0\0\0\x01\0"), Bytes("\xe0\0\0\0\0\0\0\0\x80"), Bytes("\xf0\xfe\xff\xff"),
               Bytes("\xfe\x80"), Bytes("\xf1"), Bytes("\xfd")});
  const Strings expected = {"ab", long_text, "y", "-1", "65536", "-9223372036854775808",
                            "-2", "-128",    "0", "12", "end"};
  EXPECT_EQ(Elements<ZiplistReader>(blob), expected);
  ReadDamaged<ZiplistReader>(
      Ziplist({Bytes("\x02"
                     "ab"),
               Bytes("\x80\0\0\0\x01y"), Bytes("\xc0\xff\xff"), Bytes("\xfd")}));
}

TEST(ZiplistTest, ChecksItself) {
  const std::string good = Ziplist({Bytes("\x01"
                                          "a"),
                                    Bytes("\xf2")});
  const auto with = [&](size_t at, char byte) {
    std::string blob = good;
    blob[at] = byte;
    return Elements<ZiplistReader>(blob);
  };
  EXPECT_EQ(Elements<ZiplistReader>(good), (Strings{"a", "1", "end"}));
  EXPECT_EQ(with(0, '\x7f'), Strings{"bad header"});                // total
  EXPECT_EQ(with(good.size() - 1, '\xfe'), Strings{"bad header"});  // end mark
  EXPECT_EQ(with(5, '\x01'), Strings{"bad header"});                // the last entry is outside
  EXPECT_EQ(with(4, '\x0a'), (Strings{"a", "1", "bad end"}));       // or is not there
  EXPECT_EQ(with(8, '\x03'), (Strings{"a", "1", "bad end"}));       // count
  EXPECT_EQ(with(8, '\xff'), (Strings{"a", "1", "bad end"}));
  EXPECT_EQ(with(11, '\x09'), Strings{"broken"});         // outside
  EXPECT_EQ(with(11, '\xc1'), Strings{"broken"});         // no code
  EXPECT_EQ(with(13, '\x04'), (Strings{"a", "broken"}));  // the size before
  EXPECT_EQ(with(10, '\x01'), Strings{"broken"});
}

TEST(ZipmapTest, ReadsPairs) {
  const std::string blob = Bytes(
      "\x02\x03"
      "foo\x03\x02"
      "bar..\x05"
      "hello\x05\x00"
      "world\xff");
  EXPECT_EQ(Elements<ZipmapReader>(blob), (Strings{"foo", "bar", "hello", "world", "end"}));
  ReadDamaged<ZipmapReader>(blob);
  const std::string long_text(300, 'x');
  const std::string longer = Bytes("\x01\xfe\x2c\x01\0\0") + long_text + Bytes("\x01\0v\xff");
  EXPECT_EQ(Elements<ZipmapReader>(longer), (Strings{long_text, "v", "end"}));
  ReadDamaged<ZipmapReader>(Bytes("\x01\xfe\x02\0\0\0ab\x01\0v\xff"));
}

TEST(ZipmapTest, ChecksItself) {
  EXPECT_EQ(Elements<ZipmapReader>("\xff"), Strings{"bad header"});
  EXPECT_EQ(Elements<ZipmapReader>(Bytes("\x00\xff")), Strings{"bad end"});  // empty
  EXPECT_EQ(Elements<ZipmapReader>(Bytes("\x02\x01"
                                         "a\x01\0b\xff")),
            (Strings{"a", "b", "bad end"}));  // count
  EXPECT_EQ(Elements<ZipmapReader>(Bytes("\x01\x01"
                                         "a\x09\0b\xff")),
            (Strings{"a", "broken"}));  // outside
  EXPECT_EQ(Elements<ZipmapReader>(Bytes("\x01\x01"
                                         "a\x01\x09"
                                         "b\xff")),
            (Strings{"a", "broken"}));  // unused bytes outside
  EXPECT_EQ(Elements<ZipmapReader>(Bytes("\x01\x01"
                                         "a\xff")),
            (Strings{"a", "broken"}));  // no value
  EXPECT_EQ(Elements<ZipmapReader>(Bytes("\x01\x01"
                                         "a\x01\0b\xff\xff")),
            (Strings{"a", "b", "bad end"}));
}

// What a string is read from these bytes; "corrupt: why", "short".
std::string ReadText(std::string_view bytes) {
  RdbBytes in(bytes);
  std::string buffer;
  std::string_view text;
  if (in.Text(&text, &buffer)) return std::string(text) + "|" + std::to_string(in.at());
  return in.corrupt() == nullptr ? "short" : std::string("corrupt: ") + in.corrupt();
}

TEST(RdbBytesTest, ReadsLengths) {
  const auto length = [](std::string_view bytes) {
    RdbBytes in(bytes);
    uint64_t value = 0;
    if (in.Length(&value)) return std::to_string(value);
    return std::string(in.corrupt() == nullptr ? "short" : in.corrupt());
  };
  EXPECT_EQ(length(Bytes("\x3f")), "63");
  EXPECT_EQ(length(Bytes("\x41\x02")), "258");
  EXPECT_EQ(length(Bytes("\x80\x01\x00\x00\x02")), "16777218");
  EXPECT_EQ(length(Bytes("\x81\x00\x00\x00\x01\x00\x00\x00\x02")), "4294967298");
  EXPECT_EQ(length(Bytes("\x82\x00\x00\x00\x01")), "Unknown length encoding 2 in rdbLoadLen()");
  EXPECT_EQ(length(Bytes("\x80\x00\x00\x00\x05")), "5");  // not the shortest form
  EXPECT_EQ(length(Bytes("\x81\xff\xff\xff\xff\xff\xff\xff\xff")), "short");
  EXPECT_EQ(length(Bytes("\x80\x00\x00\x00")), "short");
  EXPECT_EQ(length(Bytes("\x41")), "short");
  EXPECT_EQ(length(""), "short");
}

TEST(RdbBytesTest, ReadsStrings) {
  EXPECT_EQ(ReadText(Bytes("\x02"
                           "abc")),
            "ab|3");
  EXPECT_EQ(ReadText(Bytes("\xc0\x80")), "-128|2");
  EXPECT_EQ(ReadText(Bytes("\xc1\x00\x80")), "-32768|3");
  EXPECT_EQ(ReadText(Bytes("\xc2\x00\x00\x00\x80")), "-2147483648|5");
  EXPECT_EQ(ReadText(Bytes("\xc3\x06\x05\x00"
                           "a\x20\x00\x00"
                           "b")),
            "aaaab|9");
  EXPECT_EQ(ReadText(Bytes("\xc3\x02\x05\x00"
                           "a")),
            "corrupt: Invalid LZF compressed string");
  EXPECT_EQ(ReadText(Bytes("\xc4")), "corrupt: Unknown RDB string encoding type");
  EXPECT_EQ(ReadText(Bytes("\x03"
                           "ab")),
            "short");
  EXPECT_EQ(ReadText(Bytes("\x81\xff\xff\xff\xff\xff\xff\xff\xfe"
                           "a")),
            "short");
  EXPECT_EQ(ReadText(Bytes("\xc1\x00")), "short");
}

TEST(RdbBytesTest, ReadsScoresAsText) {
  const auto score = [](std::string_view bytes) {
    RdbBytes in(bytes);
    double value = 0;
    return in.TextScore(&value) ? std::to_string(value) : "short";
  };
  EXPECT_EQ(score(Bytes("\x03"
                        "1.5")),
            "1.500000");
  EXPECT_EQ(score("\xfe"), "inf");
  EXPECT_EQ(score("\xff"), "-inf");
  EXPECT_EQ(score("\xfd"), "nan");
  EXPECT_EQ(score(Bytes("\x02xx")), "short");
  // What strtod() reads and sscanf() does not.
  EXPECT_EQ(score(Bytes("\x03-0X")), "short");
  EXPECT_EQ(score(Bytes("\x04infi")), "short");
  EXPECT_EQ(score(Bytes("\x03"
                        "1e+")),
            "1.000000");
  EXPECT_EQ(score(Bytes("\x00")), "short");
  EXPECT_EQ(score(Bytes("\x05"
                        "1.5")),
            "short");
}

std::string WriteText(std::string_view text, bool compress = true) {
  std::string out;
  RdbTextWriter(compress, &out).Text(text);
  return out;
}

TEST(RdbTextWriterTest, WritesTheShortestForm) {
  EXPECT_EQ(WriteText("-128"), Bytes("\xc0\x80"));
  EXPECT_EQ(WriteText("128"), Bytes("\xc1\x80\x00"));
  EXPECT_EQ(WriteText("-32769"), Bytes("\xc2\xff\x7f\xff\xff"));
  EXPECT_EQ(WriteText("2147483647"), Bytes("\xc2\xff\xff\xff\x7f"));
  EXPECT_EQ(WriteText("2147483648"),
            "\x0a"
            "2147483648");
  EXPECT_EQ(WriteText("007"),
            "\x03"
            "007");
  EXPECT_EQ(WriteText("+1"), "\x02+1");
  EXPECT_EQ(WriteText(""), Bytes("\x00"));
  // Recorded: redis 7.0.15 and valkey 8.0.1.
  EXPECT_EQ(WriteText(std::string(40, 'a')), Bytes("\xc3\x09\x28\x01"
                                                   "aa\xe0\x1b\x00\x01"
                                                   "aa"));
  EXPECT_EQ(WriteText(std::string(40, 'a'), false), "\x28" + std::string(40, 'a'));
  EXPECT_EQ(WriteText(std::string(20, 'a')), "\x14" + std::string(20, 'a'));
}

TEST(RdbTextWriterTest, WritesLengthsInTheShortestForm) {
  for (const auto& [length, bytes] : std::vector<std::pair<uint64_t, std::string>>{
           {63, Bytes("\x3f")},
           {64, Bytes("\x40\x40")},
           {16383, Bytes("\x7f\xff")},
           {16384, Bytes("\x80\x00\x00\x40\x00")},
           {UINT32_MAX, Bytes("\x80\xff\xff\xff\xff")},
           {uint64_t{1} << 32, Bytes("\x81\x00\x00\x00\x01\x00\x00\x00\x00")}}) {
    std::string out;
    RdbTextWriter(true, &out).Length(length);
    EXPECT_EQ(out, bytes) << length;
  }
}

}  // namespace
}  // namespace resprobe
