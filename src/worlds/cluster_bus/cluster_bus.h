#ifndef RESPROBE_WORLDS_CLUSTER_BUS_CLUSTER_BUS_H_
#define RESPROBE_WORLDS_CLUSTER_BUS_CLUSTER_BUS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/cluster/bus_codec.h"
#include "core/cluster/bus_text.h"
#include "engine/harness.h"
#include "worlds/cluster_bus/bus_tape.h"

namespace resprobe {

// The subject of `cluster_bus`. Tests substitute a faulty one.
struct CoreBus {
  cluster::PacketFrame Frame(std::string_view bytes, Profile profile) {
    return cluster::ReadFrame(bytes, profile);
  }
  cluster::BusResult Parse(std::string_view bytes, Profile profile, cluster::Packet* packet) {
    return cluster::ParsePacket(bytes, profile, packet);
  }
  void Write(const cluster::Packet& packet, std::string* out) { cluster::WritePacket(packet, out); }
  void Print(const cluster::Packet& packet, std::string* out) { cluster::PrintPacket(packet, out); }
  std::string ReadText(std::string_view text, cluster::Packet* packet) {
    return cluster::ReadPacketText(text, packet);
  }
  cluster::BusFate Fate(cluster::BusError error) { return cluster::FateOf(error); }
  cluster::Extension Make(cluster::ExtensionType type, const cluster::ExtensionData& data) {
    return cluster::MakeExtension(type, data);
  }
};

// The harness `cluster_bus`: what a node of a cluster receives on a link (bus_tape.h).
template <class Subject = CoreBus>
class ClusterBus {
 public:
  static constexpr std::string_view kName = "cluster_bus";
  static constexpr std::string_view kSummary =
      "packets of the cluster bus: accepted exactly if sound, and written again as they were";
  static constexpr InvariantInfo kInvariants[] = {
      {"sound", "a packet is accepted exactly if all its lengths fit, by a second reading"},
      {"error_inside", "an error has a text, and its place is inside the bytes"},
      {"fate",
       "the link is closed exactly for a wrong signature or a packet shorter than its header"},
      {"whole", "a packet that is not whole needs more bytes"},
      {"rewritten", "what is accepted is written as the same bytes"},
      {"round_trip", "what is written parses to the same packet"},
      {"derived",
       "a packet that is changed is written with the lengths and counts that it has then"},
      {"extension_text", "a text is followed by a zero, and filled to a multiple of 8 bytes"},
      {"reuse", "a packet that was used before becomes what a fresh one becomes"},
      {"memory", "a packet takes memory in proportion to its bytes"},
      {"text", "the text of a packet is read as the same packet"},
      {"slicing", "a stream has the same packets and error however it arrives"},
  };
  // The plainest byte of the format, to which a minimized case goes.
  static constexpr uint8_t kPlainBytes[] = {0};

  ClusterBus() = default;
  explicit ClusterBus(Subject subject) : subject_(std::move(subject)) {}

  void Run(Bytes input, RunContext& run) {
    // What an earlier run has left must grow at other places: edges would vary from run to run.
    packet_ = cluster::Packet();
    again_ = cluster::Packet();
    std::string().swap(written_);
    std::string().swap(text_);
    const BusTape tape = DecodeBusTape(input);
    std::string_view left = tape.stream;
    size_t packets = 0;
    cluster::BusResult end;
    for (;;) {
      const size_t at = input.size() - left.size();
      const cluster::PacketFrame frame = subject_.Frame(left, tape.profile);
      end = frame.result;
      if (end.ok() && frame.total > left.size()) {
        end = {cluster::BusError::kTruncated, static_cast<uint32_t>(left.size())};
      }
      if (!end.ok()) {
        CheckPart(left, tape.profile, end, at, run);
        break;
      }
      CheckPacket(left.substr(0, frame.total), tape.profile, frame.total == left.size(), at, run);
      if (run.violated()) return;
      left.remove_prefix(frame.total);
      ++packets;
    }
    if (!run.violated() && run.Makes(kSlicesOneIn)) {
      CheckSlices(tape, packets, tape.stream.size() - left.size(), end, run);
    }
  }

  std::string Show(Bytes input) { return ShowBusTape(DecodeBusTape(input)); }
  void Generate(uint64_t seed, Tape& out) { GenerateBusTape(seed, &out); }
  bool Mutate(Bytes tape, uint64_t seed, Tape* out) { return MutateBusTape(tape, seed, out); }
  bool Simplify(Tape* tape, const std::function<bool(const Tape&)>& still_fails) {
    return ShrinkBusTape(tape, still_fails);
  }

 private:
  // While an engine fuzzes.
  static constexpr uint32_t kSlicesOneIn = 16;
  static constexpr uint32_t kFreshOneIn = 32;
  static constexpr uint32_t kTextsOneIn = 64;
  static constexpr uint32_t kDerivedOneIn = 16;
  // An extension is 8 bytes, and a struct with a string.
  static constexpr size_t kMemoryPerByte = sizeof(cluster::Extension) / 8 + 2;
  static constexpr size_t kMemoryAtLeast = 1024;

  // What is left of a stream, of which there is no whole packet.
  void CheckPart(std::string_view bytes, Profile profile, const cluster::BusResult& end, size_t at,
                 RunContext& run) {
    const cluster::BusResult result = subject_.Parse(bytes, profile, &packet_);
    run.set_op(at);
    run.Check(result == end, "whole", [&] { return TextOf(end); }, [&] { return TextOf(result); });
    CheckError(bytes, profile, result, at, run);
  }

  void CheckError(std::string_view bytes, Profile profile, const cluster::BusResult& result,
                  size_t at, RunContext& run) {
    if (run.trace().on()) run.trace().Line(TextOf(result));
    run.set_op(at + result.offset);
    run.Check(
        result.offset <= bytes.size() && !cluster::BusErrorText(result.error).empty(),
        "error_inside", [&] { return "a place in " + std::to_string(bytes.size()) + " bytes"; },
        [&] { return TextOf(result); });
    const bool closes = subject_.Fate(result.error) == cluster::BusFate::kClosesLink;
    run.Check(closes == ClosesLink(bytes, profile), "fate",
              closes ? "the link stays open" : "the link is closed",
              [&] { return TextOf(result); });
  }

  void CheckPacket(std::string_view bytes, Profile profile, bool last, size_t at, RunContext& run) {
    // Where the next packet follows, AddressSanitizer would not see that it is read.
    std::unique_ptr<char[]> copy;
    if (!last) {
      copy.reset(new char[bytes.size()]);
      std::memcpy(copy.get(), bytes.data(), bytes.size());
      bytes = {copy.get(), bytes.size()};
    }
    const cluster::BusResult result = subject_.Parse(bytes, profile, &packet_);
    const bool sound = PacketIsSound(bytes, profile);
    run.set_op(at + result.offset);
    if (!run.Check(result.ok() == sound, "sound", sound ? "accepted" : "refused",
                   [&] { return TextOf(result); })) {
      return;
    }
    if (!result.ok()) return CheckError(bytes, profile, result, at, run);
    run.set_op(at);
    written_.clear();
    subject_.Write(packet_, &written_);
    if (!run.Check(
            written_ == bytes, "rewritten", [&] { return "the same bytes"; },
            [&] { return Difference(bytes); })) {
      return;
    }
    const cluster::BusResult again = subject_.Parse(written_, profile, &again_);
    if (!run.Check(
            again.ok() && again_ == packet_, "round_trip", [&] { return Text(packet_); },
            [&] { return again.ok() ? Text(again_) : TextOf(again); })) {
      return;
    }
    if (run.trace().on()) run.trace().Line(Text(packet_));
    // What a packet before it has left shows in a later one.
    if (at > kProfileBytes || run.Makes(kFreshOneIn)) CheckFresh(bytes, profile, run);
    if (run.Makes(kDerivedOneIn)) CheckDerived(profile, run);
    if (run.Makes(kTextsOneIn)) CheckText(run);
  }

  void CheckFresh(std::string_view bytes, Profile profile, RunContext& run) {
    const auto fresh = std::make_unique<cluster::Packet>();
    const cluster::BusResult result = subject_.Parse(bytes, profile, fresh.get());
    run.Check(
        result.ok() && *fresh == packet_, "reuse", [&] { return Text(*fresh); },
        [&] { return Text(packet_); });
    const size_t most = kMemoryPerByte * bytes.size() + kMemoryAtLeast;
    const size_t used = MemoryOf(*fresh);
    run.Check(
        used <= most, "memory", [&] { return "at most " + std::to_string(most) + " bytes"; },
        [&] { return std::to_string(used) + " bytes"; });
  }

  // Somebody adds to a packet what its lists may have, and writes it after another one.
  void CheckDerived(Profile profile, RunContext& run) {
    auto* const lists = std::get_if<cluster::GossipBody>(&packet_.body);
    if (lists == nullptr) return;
    const size_t size = static_cast<size_t>(run.digest() % kMostText);
    const cluster::Extension text =
        subject_.Make(cluster::ExtensionType::kHostname, cluster::TextData{std::string(size, 'h')});
    const std::string_view data = text.data;
    if (!run.Check(
            data.size() % 8 == 0 && data.size() > size && data.size() <= size + 8 &&
                data.substr(0, size) == std::string(size, 'h') &&
                data.find_first_not_of('\0', size) == data.npos,
            "extension_text", [&] { return std::to_string(size) + " bytes and up to 8 zeros"; },
            [&] { return std::to_string(data.size()) + " bytes"; })) {
      return;
    }
    again_ = packet_;
    auto& changed = std::get<cluster::GossipBody>(again_.body);
    changed.gossip.emplace_back();
    changed.extensions.push_back(text);
    const size_t before = written_.size();
    subject_.Write(again_, &written_);
    const std::string_view bytes = std::string_view(written_).substr(before);
    const bool has_extensions =
        (packet_.header.mflags.bits & cluster::MessageFlags::kExtensionData) != 0;
    if (!has_extensions) changed.extensions.clear();
    again_.CountLists();
    cluster::Packet read;
    const cluster::BusResult result = subject_.Parse(bytes, profile, &read);
    run.Check(
        PacketIsSound(bytes, profile) && result.ok() && read == again_, "derived",
        [&] { return Text(again_); }, [&] { return result.ok() ? Text(read) : TextOf(result); });
  }

  void CheckText(RunContext& run) {
    text_.clear();
    subject_.Print(packet_, &text_);
    const std::string wrong = subject_.ReadText(text_, &again_);
    run.Check(wrong.empty() && again_ == packet_, "text", text_,
              [&] { return wrong.empty() ? Text(again_) : wrong; });
  }

  void CheckSlices(const BusTape& tape, size_t packets, size_t whole, const cluster::BusResult& end,
                   RunContext& run) {
    cluster::PacketSplitter splitter(tape.profile, tape.stream.size());
    uint64_t digest = run.digest();
    size_t seen = 0;
    size_t bytes = 0;
    cluster::BusResult result = {cluster::BusError::kTruncated, 0};
    std::string_view left = tape.stream;
    while (!left.empty() && result.error == cluster::BusError::kTruncated) {
      digest = (digest ^ digest >> 32) * 0x94d049bb133111eb + 1;
      const size_t size = std::min<size_t>(1 + (digest >> 16) % kMostSlice, left.size());
      splitter.Append(left.substr(0, size));
      left.remove_prefix(size);
      std::string_view packet;
      while ((result = splitter.Next(&packet)).ok()) {
        ++seen;
        bytes += packet.size();
      }
    }
    // What is longer than the stream is not whole.
    if (result.error == cluster::BusError::kTooLarge) {
      result = {cluster::BusError::kTruncated, end.offset};
    }
    run.Check(
        seen == packets && bytes == whole && splitter.offset() == whole &&
            result.error == end.error,
        "slicing", [&] { return std::to_string(packets) + " packets, then " + TextOf(end); },
        [&] { return std::to_string(seen) + " packets, then " + TextOf(result); });
  }

  static std::string TextOf(const cluster::BusResult& result) {
    if (result.ok()) return "accepted";
    return std::string(cluster::BusErrorText(result.error)) + ", at byte " +
           std::to_string(result.offset) + " of the packet";
  }
  std::string Text(const cluster::Packet& packet) {
    std::string text;
    subject_.Print(packet, &text);
    return text;
  }
  std::string Difference(std::string_view bytes) const {
    size_t at = 0;
    while (at < bytes.size() && at < written_.size() && bytes[at] == written_[at]) ++at;
    return "other bytes from byte " + std::to_string(at) + " on, " +
           std::to_string(written_.size()) + " of them";
  }
  static size_t MemoryOf(const cluster::Packet& packet) {
    size_t used = 0;
    const auto text = [&](const std::string& of) { used += of.capacity(); };
    if (const auto* const lists = std::get_if<cluster::GossipBody>(&packet.body)) {
      used += lists->gossip.capacity() * sizeof(cluster::Gossip) +
              lists->extensions.capacity() * sizeof(cluster::Extension);
      for (const cluster::Extension& extension : lists->extensions) text(extension.data);
    } else if (const auto* const publish = std::get_if<cluster::PublishBody>(&packet.body)) {
      text(publish->channel);
      text(publish->message);
    } else if (const auto* const module = std::get_if<cluster::ModuleBody>(&packet.body)) {
      text(module->payload);
    } else if (const auto* const unknown = std::get_if<cluster::UnknownBody>(&packet.body)) {
      text(unknown->data);
    }
    return used;
  }

  static constexpr size_t kMostSlice = 3000;
  static constexpr size_t kMostText = 25;
  static constexpr size_t kProfileBytes = 1;  // before the stream

  Subject subject_;
  // Of one run.
  cluster::Packet packet_;
  cluster::Packet again_;
  std::string written_;
  std::string text_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_CLUSTER_BUS_CLUSTER_BUS_H_
