#include "core/cluster/bus_text.h"

#include <gtest/gtest.h>

#include "tests/core/cluster/packets.h"

namespace resprobe::cluster {
namespace {

std::string Printed(const Packet& packet) {
  std::string text;
  PrintPacket(packet, &text);
  return text;
}

TEST(BusTextTest, ReadsWhatItPrints) {
  for (const auto& [name, packet] : SamplePackets()) {
    const std::string text = Printed(packet);
    Packet read;
    EXPECT_EQ(ReadPacketText(text, &read), "") << text;
    EXPECT_EQ(read, packet) << text;
    EXPECT_EQ(PacketName(packet.header), name == "unknown" ? "type 4660" : name);
  }
}

TEST(BusTextTest, AnyBytesOfAPacketHaveAText) {
  for (const auto& [name, packet] : SamplePackets()) {
    std::string bytes = Written(packet);
    for (size_t at = 10; at < bytes.size(); ++at) {
      if (at >= 100 && at < 2120) continue;  // slots
      std::string other = bytes;
      other[at] = static_cast<char>(other[at] ^ 0xa5);
      Packet parsed;
      if (!ParsePacket(other, Profile::kValkey80, &parsed).ok()) continue;
      Packet read;
      ASSERT_EQ(ReadPacketText(Printed(parsed), &read), "") << Printed(parsed);
      ASSERT_EQ(Written(read), other) << name << ", byte " << at << "\n" << Printed(parsed);
    }
  }
}

TEST(BusTextTest, LooksAsTheHeaderSays) {
  std::map<std::string, Packet> packets = SamplePackets();
  EXPECT_EQ(Printed(packets["light publish"]), "light publish channel=channel message=message\n");
  EXPECT_EQ(Printed(packets["fail"]),
            "fail port=6379 current_epoch=7 config_epoch=3 offset=1234567890123 "
            "sender=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa slots=0-5460,16383 "
            "replicaof=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ip=10.0.0.1 pport=6380 cport=16379 "
            "flags=primary,myself,light state=fail mflags=paused "
            "node=cccccccccccccccccccccccccccccccccccccccc\n");
  const std::string meet = Printed(packets["meet"]);
  EXPECT_EQ(meet.substr(meet.find('\n')),
            R"(
  gossip node=cccccccccccccccccccccccccccccccccccccccc ping=1700000001 pong=1700000002 ip=10.0.0.3 port=6381 cport=16381 flags=replica,pfail pport=6382
  gossip node=cccccccccccccccccccccccccccccccccccccccc ping=1700000001 pong=1700000002 ip=10.0.0.3 port=6381 cport=16381 flags=replica,pfail pport=6382
  gossip node=cccccccccccccccccccccccccccccccccccccccc ping=1700000001 pong=1700000002 ip=10.0.0.3 port=6381 cport=16381 flags=replica,pfail pport=6382
  extension type=hostname text=host-1.example
  extension type=nodename text=seven77
  extension type=client-ipv4 text=192.0.2.1
  extension type=client-ipv6 text=2001:db8::1
  extension type=forgotten node=dddddddddddddddddddddddddddddddddddddddd ttl=60
  extension type=shardid shard=eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee
  extension type=77 reserved=5 data="8 bytes."
)");
}

TEST(BusTextTest, WhatIsWrongIsSaidByLine) {
  const auto wrong = [](std::string_view text) {
    Packet packet;
    return ReadPacketText(text, &packet);
  };
  EXPECT_EQ(wrong(""), "line 1: there is no packet: write its type and fields");
  EXPECT_EQ(wrong("port=1"), "line 1: a packet begins with its type: write ping, or type=77");
  EXPECT_TRUE(wrong("pang").starts_with("line 1: 'pang' is no type of a packet: write ping, "));
  EXPECT_EQ(wrong("light ping"),
            "line 1: packets of this type have no light header: leave out 'light'");
  EXPECT_EQ(wrong("ping port=65536"),
            "line 1: '65536' is no value of 'port': write a number of 16 bits");
  EXPECT_EQ(wrong("ping slots=3-2"),
            "line 1: '3-2' is no value of 'slots': write slots below 16384, such as 0-99,7000");
  EXPECT_EQ(wrong("ping slots=16384").substr(0, 18), "line 1: '16384' is");
  EXPECT_EQ(wrong("ping flags=leader").substr(0, 19), "line 1: 'leader' is");
  EXPECT_EQ(wrong("ping mflags=0x100").substr(0, 18), "line 1: '0x100' is");
  EXPECT_EQ(wrong("ping state=bad"),
            "line 1: 'bad' is no value of 'state': write ok, fail, or a number of 8 bits");
  EXPECT_EQ(wrong("ping reserved=00"),
            "line 1: '00' is no value of 'reserved': write 60 hexadecimal digits");
  EXPECT_EQ(wrong("ping sender=" + std::string(41, 'a')).substr(41 + 9),
            "' is no value of 'sender': write at most 40 bytes");
  EXPECT_EQ(wrong("ping colour=red"),
            "line 1: 'colour' is no field of this, or occurs twice: remove it");
  EXPECT_EQ(wrong("ping port=1 port=2"),
            "line 1: 'port' is no field of this, or occurs twice: remove it");
  EXPECT_EQ(wrong("ping port=1 x"), "line 1: 'x' is no field: write NAME=VALUE");
  EXPECT_EQ(wrong("publish channel=\"\\xg0\""),
            "line 1: the value of 'channel' is malformed: quote it, with \\xHH for what is not "
            "printable");
  EXPECT_EQ(wrong("ping\nping"), "line 2: a second packet begins: remove it");
  EXPECT_EQ(wrong("  gossip"), "line 1: a packet begins without blanks");
  EXPECT_EQ(wrong("ping\n  rumour"), "line 2: an indented line begins with gossip or extension");
  EXPECT_EQ(wrong("fail\n  gossip"),
            "line 2: only ping, pong and meet have such a line: remove it");
  EXPECT_EQ(wrong("ping\n  extension type=hostname text=a"),
            "line 2: extensions need mflags=ext-data");
  EXPECT_EQ(wrong("ping mflags=ext-data\n  extension text=a"),
            "line 2: an extension has no type: write type=hostname");
  EXPECT_EQ(wrong("ping mflags=ext-data\n  extension type=9 data=a"),
            "line 2: data is a multiple of 8 bytes: fill it with zeros");
  EXPECT_EQ(wrong("ping mflags=ext-data\n  extension type=9"),
            "line 2: an unknown extension has data: write data=\"\"");
  EXPECT_EQ(wrong("ping mflags=ext-data\n  extension type=hostname text=a\n  gossip"),
            "line 3: gossip comes before extensions: move the line");
}

}  // namespace
}  // namespace resprobe::cluster
