#include "core/cluster/bus_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "core/cluster/big_endian.h"
#include "tests/core/cluster/packets.h"

namespace resprobe::cluster {
namespace {

constexpr Profile kRedis = Profile::kRedis70;
constexpr Profile kValkey = Profile::kValkey80;

// Parses a copy of exactly these bytes, so that AddressSanitizer sees what reads past them.
BusResult Parse(std::string_view bytes, Profile profile, Packet* packet) {
  const std::unique_ptr<char[]> copy(new char[bytes.size()]);
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  return ParsePacket({copy.get(), bytes.size()}, profile, packet);
}

std::string WithTotal(std::string bytes, uint64_t total) {
  StoreBigEndian(total, 4, kTotalAt, &bytes);
  return bytes;
}

uint64_t At(const std::string& bytes, size_t at, size_t size) {
  return LoadBigEndian(std::string_view(bytes).substr(at), size);
}

TEST(BusCodecTest, FieldsAreWhereTheServersHaveThem) {
  const std::string bytes = Written(SamplePackets()["meet"]);
  EXPECT_EQ(bytes.substr(0, 4), "RCmb");
  EXPECT_EQ(At(bytes, 4, 4), bytes.size());
  EXPECT_EQ(At(bytes, 8, 2), 1U);
  EXPECT_EQ(At(bytes, 10, 2), 6379U);
  EXPECT_EQ(At(bytes, 12, 2), 2U);
  EXPECT_EQ(At(bytes, 14, 2), 3U);
  EXPECT_EQ(At(bytes, 16, 8), 7U);
  EXPECT_EQ(At(bytes, 24, 8), 3U);
  EXPECT_EQ(At(bytes, 32, 8), 1234567890123U);
  EXPECT_EQ(bytes.substr(40, 40), std::string(40, 'a'));
  EXPECT_EQ(bytes.substr(80, 682), std::string(682, '\xff'));
  EXPECT_EQ(At(bytes, 762, 1), 0x1fU);
  EXPECT_EQ(At(bytes, 2127, 1), 0x80U);
  EXPECT_EQ(bytes.substr(2128, 40), std::string(40, 'b'));
  EXPECT_EQ(bytes.substr(2168, 46), std::string("10.0.0.1") + std::string(38, '\0'));
  EXPECT_EQ(At(bytes, 2214, 2), 7U);
  EXPECT_EQ(bytes.substr(2216, 30), std::string(30, '\0'));
  EXPECT_EQ(At(bytes, 2246, 2), 6380U);
  EXPECT_EQ(At(bytes, 2248, 2), 16379U);
  EXPECT_EQ(At(bytes, 2250, 2), 0x811U);
  EXPECT_EQ(At(bytes, 2252, 1), 1U);
  EXPECT_EQ(At(bytes, 2253, 3), 0x050000U);
  // The first gossip entry.
  EXPECT_EQ(bytes.substr(2256, 40), std::string(40, 'c'));
  EXPECT_EQ(At(bytes, 2256 + 40, 4), 1'700'000'001U);
  EXPECT_EQ(At(bytes, 2256 + 44, 4), 1'700'000'002U);
  EXPECT_EQ(bytes.substr(2256 + 48, 9), std::string("10.0.0.3\0", 9));
  EXPECT_EQ(At(bytes, 2256 + 94, 2), 6381U);
  EXPECT_EQ(At(bytes, 2256 + 96, 2), 16381U);
  EXPECT_EQ(At(bytes, 2256 + 98, 2), 6U);
  EXPECT_EQ(At(bytes, 2256 + 100, 2), 6382U);
  EXPECT_EQ(At(bytes, 2256 + 102, 2), 0U);
  // The extensions.
  size_t at = 2256 + 3 * 104;
  EXPECT_EQ(bytes.substr(at, 24), std::string("\0\0\0\x18\0\0\0\0host-1.example\0\0", 24));
  at += 24;
  EXPECT_EQ(bytes.substr(at, 16), std::string("\0\0\0\x10\0\1\0\0seven77\0", 16));
  at += 16;
  EXPECT_EQ(bytes.substr(at, 8), std::string("\0\0\0\x18\0\4\0\0", 8));
  at += 24;
  EXPECT_EQ(bytes.substr(at, 8), std::string("\0\0\0\x18\0\5\0\0", 8));
  at += 24;
  EXPECT_EQ(bytes.substr(at, 8), std::string("\0\0\0\x38\0\2\0\0", 8));
  EXPECT_EQ(bytes.substr(at + 8, 48), std::string(40, 'd') + std::string("\0\0\0\0\0\0\0\x3c", 8));
  at += 56;
  EXPECT_EQ(bytes.substr(at, 8), std::string("\0\0\0\x30\0\3\0\0", 8));
  EXPECT_EQ(bytes.substr(at + 8, 40), std::string(40, 'e'));
  at += 48;
  EXPECT_EQ(bytes.substr(at), std::string("\0\0\0\x10\0\x4d\0\5", 8) + "8 bytes.");
}

TEST(BusCodecTest, DataIsWhereTheServersHaveIt) {
  std::map<std::string, Packet> packets = SamplePackets();
  EXPECT_EQ(Written(packets["fail"]).substr(2256), std::string(40, 'c'));
  EXPECT_EQ(Written(packets["publish"]).substr(2256),
            std::string("\0\0\0\4\0\0\0\x0d", 8) + "newstwo \"words\"\r\n");
  EXPECT_EQ(Written(packets["publishshard"]).size(), 2264U);
  EXPECT_EQ(Written(packets["auth-req"]).size(), 2256U);
  EXPECT_EQ(Written(packets["auth-ack"]).size(), 2256U);
  EXPECT_EQ(Written(packets["mfstart"]).size(), 2256U);
  const std::string update = Written(packets["update"]);
  EXPECT_EQ(update.size(), 4352U);
  EXPECT_EQ(At(update, 2256, 8), 9U);
  EXPECT_EQ(update.substr(2264, 40), std::string(40, 'c'));
  EXPECT_EQ(update.substr(2304), update.substr(80, 2048));
  // The identifier of the module is not swapped.
  EXPECT_EQ(Written(packets["module"]).substr(2256),
            std::string("\x08\x07\x06\x05\x04\x03\x02\x01\0\0\0\3\x09"
                        "a\0b",
                        16));
  EXPECT_EQ(Written(packets["light publish"]),
            std::string("RCmb\0\0\0\x26\0\1\0\0\x80\4\0\0\0\0\0\7\0\0\0\7channelmessage", 38));
  EXPECT_EQ(At(Written(packets["light publishshard"]), 12, 2), 0x800aU);
}

TEST(BusCodecTest, WhatIsWrittenIsParsedToTheSamePacket) {
  Packet reused;
  for (const auto& [name, packet] : SamplePackets()) {
    for (const Profile profile : {kRedis, kValkey}) {
      const std::string bytes = Written(packet);
      if (packet.header.light && profile == kRedis) {
        EXPECT_EQ(ParsePacket(bytes, profile, &reused),
                  (BusResult{BusError::kTotalTooSmall, kTotalAt}));
        continue;
      }
      Packet parsed;
      EXPECT_EQ(Parse(bytes, profile, &parsed), BusResult()) << name;
      EXPECT_EQ(parsed, packet) << name;
      EXPECT_EQ(Written(parsed), bytes) << name;
      EXPECT_TRUE(Parse(bytes, profile, &reused).ok());
      EXPECT_EQ(reused, packet) << name << ", read into a packet that was used before";
    }
  }
}

TEST(BusCodecTest, PartOfAPacketNeedsMoreBytes) {
  for (const auto& [name, packet] : SamplePackets()) {
    const std::string bytes = Written(packet);
    for (size_t size = 0; size < bytes.size(); ++size) {
      Packet parsed;
      EXPECT_EQ(Parse(bytes.substr(0, size), kValkey, &parsed),
                (BusResult{BusError::kTruncated, static_cast<uint32_t>(size)}))
          << name;
    }
  }
}

// The total length says that the packet ends earlier, or later.
TEST(BusCodecTest, APacketThatEndsAtAnotherByteIsRefused) {
  for (const auto& [name, packet] : SamplePackets()) {
    const std::string bytes = Written(packet);
    for (size_t size = kLightHeaderBytes; size < bytes.size() + 9; ++size) {
      if (size == bytes.size()) continue;
      std::string cut = bytes;
      cut.resize(size);
      Packet parsed;
      const BusResult result = Parse(WithTotal(cut, size), kValkey, &parsed);
      if (name == "unknown" && size >= kHeaderBytes) {
        EXPECT_TRUE(result.ok());
        continue;
      }
      EXPECT_FALSE(result.ok()) << name << ", " << size;
      EXPECT_LE(result.offset, size);
      EXPECT_NE(result.error, BusError::kTruncated);
      if (!packet.header.light && size < kHeaderBytes) {
        EXPECT_EQ(result.error, BusError::kTotalTooSmall);
      }
    }
    EXPECT_FALSE(Parse(bytes + "x", kValkey, std::make_unique<Packet>().get()).ok());
  }
}

TEST(BusCodecTest, WhatTheFrameSays) {
  const std::string bytes = Written(SamplePackets()["fail"]);
  const auto frame = [&](std::string wrong, Profile profile) {
    return ReadFrame(wrong, profile).result;
  };
  EXPECT_EQ(frame(bytes.substr(0, 7), kRedis).error, BusError::kTruncated);
  EXPECT_EQ(ReadFrame(bytes.substr(0, 8), kRedis).total, 2296U);
  EXPECT_EQ(frame(bytes.substr(0, 13), kValkey).error, BusError::kTruncated);
  EXPECT_EQ(ReadFrame(bytes.substr(0, 14), kValkey).total, 2296U);
  EXPECT_EQ(frame("RCmc....", kRedis), (BusResult{BusError::kSignature, 3}));
  EXPECT_EQ(frame(WithTotal(bytes, 2255), kValkey), (BusResult{BusError::kTotalTooSmall, 4}));
  std::string light = Written(SamplePackets()["light publish"]);
  EXPECT_TRUE(frame(WithTotal(light, 16), kValkey).ok());
  EXPECT_EQ(frame(WithTotal(light, 15), kValkey), (BusResult{BusError::kTotalTooSmall, 4}));
  EXPECT_EQ(ReadFrame(WithTotal(bytes, UINT32_MAX), kRedis).total, UINT32_MAX);
}

TEST(BusCodecTest, HeadersThatAreRefused) {
  std::string bytes = Written(SamplePackets()["ping"]);
  Packet parsed;
  bytes[9] = 2;
  EXPECT_EQ(Parse(bytes, kValkey, &parsed), (BusResult{BusError::kVersion, 8}));
  bytes[9] = 1;
  bytes[12] = '\x80';
  EXPECT_EQ(Parse(bytes, kValkey, &parsed), (BusResult{BusError::kLightType, 12}));
  // redis knows no light headers: the type is unknown.
  EXPECT_TRUE(Parse(bytes, kRedis, &parsed).ok());
  EXPECT_EQ(parsed.header.type, 0x8000);
  EXPECT_TRUE(std::holds_alternative<UnknownBody>(parsed.body));
}

TEST(BusCodecTest, GossipThatIsNotThere) {
  std::string bytes = Written(SamplePackets()["pong"]);
  Packet parsed;
  for (const uint64_t count : {2, 4, 0, 65535}) {
    StoreBigEndian(count, 2, kCountAt, &bytes);
    EXPECT_EQ(Parse(bytes, kRedis, &parsed),
              (BusResult{BusError::kLength, count > 3 ? uint32_t{kCountAt} : uint32_t{kTotalAt}}))
        << count;
  }
}

TEST(BusCodecTest, ExtensionsWithWrongLengths) {
  const std::string bytes = Written(SamplePackets()["meet"]);
  const uint32_t first = kHeaderBytes + 3 * kGossipBytes;
  Packet parsed;
  // 65560 is 24 in 16 bits, of which servers use 16 for the check, and all to find the next one.
  for (const uint64_t length : {0, 4, 7, 9, 23, 25, 1000, 65560, INT32_MAX}) {
    std::string wrong = bytes;
    StoreBigEndian(length, 4, first, &wrong);
    EXPECT_EQ(Parse(wrong, kValkey, &parsed), (BusResult{BusError::kExtension, first})) << length;
  }
  for (const uint64_t count : {8, 9, 1000, 65535}) {
    std::string wrong = bytes;
    StoreBigEndian(count, 2, kExtensionCountAt, &wrong);
    const BusResult result = Parse(wrong, kValkey, &parsed);
    EXPECT_FALSE(result.ok());
    EXPECT_EQ(result.offset, kExtensionCountAt);
  }
  std::string fewer = bytes;
  StoreBigEndian(6, 2, kExtensionCountAt, &fewer);
  EXPECT_EQ(Parse(fewer, kValkey, &parsed), (BusResult{BusError::kLength, kTotalAt}));
  std::string unflagged = bytes;
  unflagged[kMessageFlagsAt] = 0;
  EXPECT_EQ(Parse(unflagged, kValkey, &parsed), (BusResult{BusError::kLength, kTotalAt}));
}

// The sums of these sizes are right in 32 bits.
TEST(BusCodecTest, SizesThatOverflow) {
  Packet parsed;
  for (const char* const name : {"publish", "light publish"}) {
    std::string bytes = Written(SamplePackets()[name]);
    const size_t at = SamplePackets()[name].header.light ? kLightHeaderBytes : kHeaderBytes;
    const uint64_t sum = At(bytes, at, 4) + At(bytes, at + 4, 4);
    for (const uint64_t size : {uint64_t{UINT32_MAX}, uint64_t{0x80000000}, sum + 1}) {
      StoreBigEndian(size, 4, at, &bytes);
      StoreBigEndian(sum - size, 4, at + 4, &bytes);
      EXPECT_EQ(Parse(bytes, kValkey, &parsed),
                (BusResult{BusError::kLength, static_cast<uint32_t>(at)}));
    }
    StoreBigEndian(sum, 4, at, &bytes);
    StoreBigEndian(1, 4, at + 4, &bytes);
    EXPECT_EQ(Parse(bytes, kValkey, &parsed),
              (BusResult{BusError::kLength, static_cast<uint32_t>(at + 4)}));
  }
  std::string module = Written(SamplePackets()["module"]);
  for (const uint64_t size : {uint64_t{4}, uint64_t{UINT32_MAX}, uint64_t{0xfffffff6}}) {
    StoreBigEndian(size, 4, kHeaderBytes + 8, &module);
    EXPECT_EQ(Parse(module, kRedis, &parsed), (BusResult{BusError::kLength, kHeaderBytes + 8}));
  }
}

TEST(BusCodecTest, AnyByteMayHaveAnyValue) {
  for (const auto& [name, packet] : SamplePackets()) {
    const std::string bytes = Written(packet);
    Packet parsed;
    for (size_t at = 0; at < bytes.size(); ++at) {
      if (at >= 100 && at < 2100) continue;  // slots
      for (const uint8_t change : {0x01, 0x80, 0xff}) {
        std::string other = bytes;
        other[at] = static_cast<char>(static_cast<uint8_t>(other[at]) ^ change);
        const BusResult result = Parse(other, kValkey, &parsed);
        EXPECT_LE(result.offset, other.size());
        if (result.ok()) {
          EXPECT_EQ(Written(parsed), other) << name << ", byte " << at;
        } else {
          EXPECT_NE(BusErrorText(result.error), "");
        }
      }
    }
  }
}

TEST(BusCodecTest, WritesCountsThatFitTheLists) {
  Packet packet = Sample(PacketType::kPing);
  packet.header.count = 9;
  packet.header.extensions = 9;
  packet.header.mflags.bits = MessageFlags::kExtensionData;
  std::get<GossipBody>(packet.body).gossip.resize(2);
  std::vector<DerivedField> derived;
  std::string bytes = "before";
  WritePacket(packet, &bytes, &derived);
  Packet parsed;
  ASSERT_TRUE(Parse(bytes.substr(6), kRedis, &parsed).ok());
  packet.CountLists();
  EXPECT_EQ(parsed, packet);
  EXPECT_EQ(parsed.header.count, 2);
  EXPECT_EQ(parsed.header.extensions, 0);
  ASSERT_EQ(derived.size(), 5U);
  const size_t places[] = {0, kTotalAt, kVersionAt, kCountAt, kExtensionCountAt};
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(derived[i].offset, places[i]);
}

TEST(BusCodecTest, ExtensionsHaveDataOnlyAsServersSendIt) {
  const Extension name = MakeExtension(ExtensionType::kHostname, TextData{"12345678"});
  EXPECT_EQ(name.data, std::string("12345678\0\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(std::get<TextData>(*DataOf(name)).text, "12345678");
  Extension odd = name;
  odd.data.back() = 'x';
  EXPECT_FALSE(DataOf(odd).has_value());
  odd = name;
  odd.data.resize(8);  // no zero
  EXPECT_FALSE(DataOf(odd).has_value());
  odd = name;
  odd.reserved = 1;
  EXPECT_FALSE(DataOf(odd).has_value());
  Extension shard = MakeExtension(ExtensionType::kShardId, ShardData{IdOf('s')});
  EXPECT_EQ(std::get<ShardData>(*DataOf(shard)).shard, IdOf('s'));
  shard.data.resize(32);
  EXPECT_FALSE(DataOf(shard).has_value());
  EXPECT_FALSE(DataOf({.type = 6, .data = "unknown."}).has_value());
  EXPECT_FALSE(DataOf({.type = 2, .data = ""}).has_value());
}

TEST(BusCodecTest, WhatServersDoWithAnError) {
  EXPECT_EQ(FateOf(BusError::kNone), BusFate::kHandled);
  EXPECT_EQ(FateOf(BusError::kTruncated), BusFate::kWaits);
  EXPECT_EQ(FateOf(BusError::kSignature), BusFate::kClosesLink);
  EXPECT_EQ(FateOf(BusError::kTotalTooSmall), BusFate::kClosesLink);
  EXPECT_EQ(FateOf(BusError::kVersion), BusFate::kIgnored);
  EXPECT_EQ(FateOf(BusError::kLightType), BusFate::kIgnored);
  EXPECT_EQ(FateOf(BusError::kLength), BusFate::kIgnored);
  EXPECT_EQ(FateOf(BusError::kExtension), BusFate::kIgnored);
}

TEST(PacketSplitterTest, GivesTheSamePacketsHoweverTheStreamIsCut) {
  std::string stream;
  std::vector<std::string> packets;
  for (const auto& [name, packet] : SamplePackets()) {
    packets.push_back(Written(packet));
    stream += packets.back();
  }
  for (const size_t slice : {size_t{1}, size_t{7}, size_t{2256}, size_t{5000}, stream.size()}) {
    PacketSplitter splitter(kValkey);
    std::vector<std::string> seen;
    for (size_t at = 0; at < stream.size(); at += slice) {
      splitter.Append(std::string_view(stream).substr(at, slice));
      std::string_view packet;
      while (splitter.Next(&packet).ok()) seen.emplace_back(packet);
    }
    EXPECT_EQ(seen, packets) << slice;
    EXPECT_EQ(splitter.offset(), stream.size());
    std::string_view none;
    EXPECT_EQ(splitter.Next(&none), (BusResult{BusError::kTruncated, 0}));
  }
}

TEST(PacketSplitterTest, ErrorsAreFinal) {
  PacketSplitter splitter(kRedis, 4000);
  std::string_view packet;
  splitter.Append(Written(SamplePackets()["fail"]) + "rubbish.");
  EXPECT_TRUE(splitter.Next(&packet).ok());
  EXPECT_EQ(splitter.Next(&packet), (BusResult{BusError::kSignature, 0}));
  splitter.Append(Written(SamplePackets()["fail"]));
  EXPECT_EQ(splitter.Next(&packet).error, BusError::kSignature);
  splitter.Reset();
  splitter.Append(Written(SamplePackets()["update"]));
  EXPECT_EQ(splitter.Next(&packet), (BusResult{BusError::kTooLarge, kTotalAt}));
}

}  // namespace
}  // namespace resprobe::cluster
