// The harness cluster_bus: its corpus, generated and changed streams, and subjects with a planted
// fault.

#include "worlds/cluster_bus/cluster_bus.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "core/cluster/big_endian.h"
#include "engine/raw_harness.h"
#include "tests/canaries/cluster_bus_sizes.h"

namespace resprobe {
namespace {

std::map<std::string, Tape> Corpus() {
  std::map<std::string, Tape> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(BUS_CORPUS)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    seeds[entry.path().filename().string()] = Tape(bytes.begin(), bytes.end());
  }
  return seeds;
}

// The invariant that a run violates, "" if none.
template <class Subject>
std::string Violation(RawHarness<ClusterBus<Subject>>& harness, const Tape& tape) {
  RunContext run;
  harness.Run(tape, run);
  return run.violated() ? run.violation().invariant : "";
}

// The first invariant that the corpus or generated inputs show this subject to violate.
template <class Subject>
std::string Found() {
  RawHarness<ClusterBus<Subject>> harness;
  for (const auto& [name, tape] : Corpus()) {
    if (std::string found = Violation(harness, tape); !found.empty()) return found;
  }
  for (uint64_t seed = 0; seed < 8000; ++seed) {
    if (std::string found = Violation(harness, harness.Generate(seed)); !found.empty()) {
      return found;
    }
  }
  return "";
}

Tape TapeOf(Profile profile, std::string_view stream) {
  Tape tape = {static_cast<uint8_t>(profile == Profile::kValkey80 ? 'v' : 'r')};
  tape.insert(tape.end(), stream.begin(), stream.end());
  return tape;
}

size_t FastMutation(uint8_t* data, size_t size, size_t) {
  if (size > 20) data[20] ^= 1;
  return size;
}

TEST(ClusterBusTest, TheCorpusHolds) {
  RawHarness<ClusterBus<>> harness;
  const std::map<std::string, Tape> seeds = Corpus();
  std::set<std::string> types;
  for (const auto& [name, tape] : seeds) {
    EXPECT_EQ(Violation(harness, tape), "") << name;
    if (!name.starts_with("redis_") && !name.starts_with("valkey_") &&
        !name.starts_with("mixed_")) {
      continue;
    }
    // Packets of real servers.
    EXPECT_TRUE(harness.Show(tape).contains(": handled\n")) << name << harness.Show(tape);
    cluster::Packet packet;
    const BusTape decoded = DecodeBusTape(tape);
    EXPECT_TRUE(cluster::ParsePacket(decoded.stream, decoded.profile, &packet).ok()) << name;
    types.insert(name.substr(0, name.find('_') + 1) + cluster::PacketName(packet.header));
  }
  for (const char* const server : {"redis_", "valkey_"}) {
    for (const char* const type :
         {"ping", "pong", "meet", "fail", "auth-req", "auth-ack", "update", "mfstart"}) {
      EXPECT_TRUE(types.contains(std::string(server) + type)) << server << type;
    }
  }
  for (const char* const type : {"redis_publish", "redis_publishshard", "valkey_light publish",
                                 "valkey_light publishshard", "mixed_publish"}) {
    EXPECT_TRUE(types.contains(type)) << type;
  }
}

TEST(ClusterBusTest, GeneratedStreamsHold) {
  RawHarness<ClusterBus<>> harness;
  constexpr size_t kInputs = 4000;
  std::map<std::string, size_t> seen;
  for (uint64_t seed = 0; seed < kInputs; ++seed) {
    const Tape tape = harness.Generate(seed);
    ASSERT_EQ(Violation(harness, tape), "") << seed << "\n" << harness.Show(tape);
    const BusTape decoded = DecodeBusTape(tape);
    for (const BusPiece& piece : CutBusStream(decoded)) {
      std::string bytes;
      piece.AppendTo(&bytes);
      cluster::Packet packet;
      const cluster::BusResult result = cluster::ParsePacket(bytes, decoded.profile, &packet);
      ++seen[result.ok() ? cluster::PacketName(packet.header).substr(0, 6)
                         : std::string(cluster::BusErrorText(result.error))];
    }
  }
  for (const cluster::PacketTypeInfo& info : cluster::kPacketTypeInfo) {
    EXPECT_GT(seen[std::string(info.name.substr(0, 6))], 20U) << info.name;
  }
  EXPECT_GT(seen["light "], 20U);
  EXPECT_GT(seen["type 1"], 1U);
  using cluster::BusError;
  for (const BusError error :
       {BusError::kTruncated, BusError::kTotalTooSmall, BusError::kLength, BusError::kExtension}) {
    EXPECT_GT(seen[std::string(cluster::BusErrorText(error))], 5U) << cluster::BusErrorText(error);
  }
  EXPECT_GT(seen["ping"] + seen["pong"], kInputs / 4);
}

TEST(ClusterBusTest, ChangedStreamsHold) {
  RawHarness<ClusterBus<>> harness;
  constexpr size_t kMost = 1 << 14;
  std::vector<uint8_t> data(kMost);
  size_t size = 0;
  std::set<std::string> seen;
  for (uint32_t seed = 0; seed < 6000; ++seed) {
    if (seed % 50 == 0) {
      const Tape fresh = harness.Generate(seed);
      std::copy(fresh.begin(), fresh.end(), data.begin());
      size = fresh.size();
    }
    size = harness.Mutate(data.data(), size, kMost, seed, FastMutation);
    ASSERT_LE(size, kMost);
    const Tape tape(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_EQ(Violation(harness, tape), "") << seed << "\n" << harness.Show(tape);
    seen.emplace(tape.begin(), tape.end());
  }
  EXPECT_GT(seen.size(), 4000U);
}

TEST(ClusterBusTest, PiecesAreTheStream) {
  size_t packets = 0;
  size_t lies = 0;
  constexpr uint64_t kInputs = 3000;
  for (uint64_t seed = 0; seed < kInputs; ++seed) {
    Tape tape;
    GenerateBusTape(seed, &tape);
    const BusTape decoded = DecodeBusTape(tape);
    const std::vector<BusPiece> pieces = CutBusStream(decoded);
    Tape joined;
    JoinBusStream(decoded.profile, pieces, &joined);
    ASSERT_EQ(joined, tape) << ShowBusTape(decoded);
    for (const BusPiece& piece : pieces) {
      packets += piece.is_packet;
      lies += piece.lies.size();
    }
  }
  EXPECT_GT(packets, kInputs / 2);
  EXPECT_GT(lies, kInputs / 20);
}

TEST(ClusterBusTest, ShowsPacketsAndWhatIsRefused) {
  RawHarness<ClusterBus<>> harness;
  cluster::Packet packet;
  packet.header.light = true;
  packet.header.type = 4;
  packet.body = cluster::PublishBody{"a", "b c"};
  std::string stream;
  cluster::WritePacket(packet, &stream);
  std::string lying = stream;
  cluster::StoreBigEndian(77, 4, 16, &lying);
  EXPECT_EQ(harness.Show(TapeOf(Profile::kValkey80, stream + lying + stream.substr(0, 15))),
            "a node of valkey-8.0 receives 71 bytes\n"
            "# byte 0, 28 bytes: handled\n"
            "light publish channel=a message=\"b c\"\n"
            "# byte 28, 28 bytes: ignored: the total length is not that of the contents, at byte "
            "16 of the packet, of 28\n"
            "light publish channel=a message=\"b c\"\n"
            "# byte 56, 15 bytes: not whole: more bytes are needed, at byte 15 of the packet, of "
            "28\n");
  EXPECT_EQ(harness.Show(TapeOf(Profile::kRedis70, "rubbish.")),
            "a node of redis-7.0 receives 8 bytes\n"
            "# byte 0, 8 bytes: refused, and the link closed: the signature is not RCmb, at byte 0 "
            "of the packet\n");
}

struct VersionUnchecked : CoreBus {
  cluster::BusResult Parse(std::string_view bytes, Profile profile, cluster::Packet* packet) {
    if (bytes.size() < 10) return CoreBus::Parse(bytes, profile, packet);
    std::string mended(bytes);
    cluster::StoreBigEndian(1, 2, cluster::kVersionAt, &mended);
    return CoreBus::Parse(mended, profile, packet);
  }
};
struct PlaceOutside : CoreBus {
  cluster::BusResult Parse(std::string_view bytes, Profile profile, cluster::Packet* packet) {
    cluster::BusResult result = CoreBus::Parse(bytes, profile, packet);
    if (result.error == cluster::BusError::kExtension) result.offset += 1 << 20;
    return result;
  }
};
struct PartIsIgnored : CoreBus {
  cluster::BusResult Parse(std::string_view bytes, Profile profile, cluster::Packet* packet) {
    cluster::BusResult result = CoreBus::Parse(bytes, profile, packet);
    if (result.error == cluster::BusError::kTruncated && bytes.size() > 100) {
      result.error = cluster::BusError::kLength;
    }
    return result;
  }
};
struct ReservedLost : CoreBus {
  void Write(const cluster::Packet& packet, std::string* out) {
    cluster::Packet other = packet;
    other.header.reserved = {};
    CoreBus::Write(other, out);
  }
};
// Parses differently after it has written.
struct ParsedOtherwise : CoreBus {
  cluster::BusResult Parse(std::string_view bytes, Profile profile, cluster::Packet* packet) {
    const cluster::BusResult result = CoreBus::Parse(bytes, profile, packet);
    if (std::exchange(written, false)) packet->header.port ^= 1;
    return result;
  }
  void Write(const cluster::Packet& packet, std::string* out) {
    CoreBus::Write(packet, out);
    written = true;
  }
  bool written = false;
};
struct NotCleared : CoreBus {
  cluster::BusResult Parse(std::string_view bytes, Profile profile, cluster::Packet* packet) {
    const uint16_t before = packet->header.cport;
    const cluster::BusResult result = CoreBus::Parse(bytes, profile, packet);
    if (result.ok() && packet->header.light) packet->header.cport = before;
    return result;
  }
};
struct AllocatesForCount : CoreBus {
  cluster::BusResult Parse(std::string_view bytes, Profile profile, cluster::Packet* packet) {
    const cluster::BusResult result = CoreBus::Parse(bytes, profile, packet);
    if (auto* const lists = std::get_if<cluster::GossipBody>(&packet->body)) {
      lists->gossip.reserve(10000);
    }
    return result;
  }
};
struct EmptyTextLost : CoreBus {
  void Print(const cluster::Packet& packet, std::string* out) {
    CoreBus::Print(packet, out);
    if (const size_t at = out->find(" state=fail"); at != out->npos) out->erase(at, 11);
  }
};
struct FrameFromLaterBytes : CoreBus {
  cluster::PacketFrame Frame(std::string_view bytes, Profile profile) {
    return bytes.size() < 2000 ? cluster::PacketFrame{{cluster::BusError::kTruncated,
                                                       static_cast<uint32_t>(bytes.size())}}
                               : CoreBus::Frame(bytes, profile);
  }
  cluster::BusResult Parse(std::string_view bytes, Profile profile, cluster::Packet* packet) {
    const cluster::PacketFrame frame = Frame(bytes, profile);
    return frame.result.ok() ? CoreBus::Parse(bytes, profile, packet) : frame.result;
  }
};

struct SignatureKeepsLink : CoreBus {
  cluster::BusFate Fate(cluster::BusError error) {
    return error == cluster::BusError::kSignature ? cluster::BusFate::kIgnored
                                                  : CoreBus::Fate(error);
  }
};
struct CountOfHeader : CoreBus {
  void Write(const cluster::Packet& packet, std::string* out) {
    const size_t start = out->size();
    CoreBus::Write(packet, out);
    cluster::StoreBigEndian(packet.header.count, 2, start + cluster::kCountAt, out);
  }
};
struct TextWithoutZero : CoreBus {
  cluster::Extension Make(cluster::ExtensionType type, const cluster::ExtensionData& data) {
    cluster::Extension made = CoreBus::Make(type, data);
    const auto* const text = std::get_if<cluster::TextData>(&data);
    if (text != nullptr) made.data.resize((text->text.size() + 7) / 8 * 8);
    return made;
  }
};

TEST(ClusterBusTest, EachInvariantIsBrokenByAFault) {
  EXPECT_EQ(Found<CoreBus>(), "");
  EXPECT_EQ(Found<VersionUnchecked>(), "sound");
  EXPECT_EQ(Found<SizesOverflow>(), "sound");
  EXPECT_EQ(Found<PlaceOutside>(), "error_inside");
  EXPECT_EQ(Found<PartIsIgnored>(), "whole");
  EXPECT_EQ(Found<ReservedLost>(), "rewritten");
  EXPECT_EQ(Found<ParsedOtherwise>(), "round_trip");
  EXPECT_EQ(Found<SignatureKeepsLink>(), "fate");
  EXPECT_EQ(Found<CountOfHeader>(), "derived");
  EXPECT_EQ(Found<TextWithoutZero>(), "extension_text");
  EXPECT_EQ(Found<NotCleared>(), "reuse");
  EXPECT_EQ(Found<AllocatesForCount>(), "memory");
  EXPECT_EQ(Found<EmptyTextLost>(), "text");
  EXPECT_EQ(Found<FrameFromLaterBytes>(), "slicing");
}

TEST(ClusterBusTest, ShrinksByTheFieldsOfPackets) {
  RawHarness<ClusterBus<SizesOverflow>> harness;
  size_t shrunk = 0;
  for (uint64_t seed = 0; seed < 20000 && shrunk < 3; ++seed) {
    const Tape tape = harness.Generate(seed);
    if (Violation(harness, tape).empty()) continue;
    ++shrunk;
    const Tape smallest = harness.Shrink(
        tape,
        [&](Bytes candidate) {
          return !Violation(harness, {candidate.begin(), candidate.end()}).empty();
        },
        10000);
    EXPECT_LE(smallest.size(), DecodeBusTape(tape).profile == Profile::kValkey80 ? 25U : 2265U)
        << harness.Show(smallest);
    EXPECT_LT(std::ranges::count_if(smallest, [](uint8_t byte) { return byte != 0; }), 25)
        << harness.Show(smallest);
  }
  EXPECT_EQ(shrunk, 3U);
}

}  // namespace
}  // namespace resprobe
