#include "live/proxy/peer_script.h"

#include <algorithm>
#include <charconv>

#include "engine/ops_text.h"
#include "engine/quote.h"
#include "engine/rng.h"

namespace resprobe::live {
namespace {

constexpr uint64_t kScriptedConnections = 64;
constexpr uint64_t kMostBuffer = 1 << 30;

// "latency_downstream_3": kind, direction, connection.
std::string NameOf(const GateToxic& toxic) {
  std::string name(InfoOf(toxic.toxic.kind).name);
  name += '_';
  name += EnumNames(toxic.toxic.direction)[static_cast<size_t>(toxic.toxic.direction)];
  if (toxic.connection != 0) name += "_" + std::to_string(toxic.connection);
  return name;
}

bool ReadNumber(std::string_view text, uint64_t most, uint64_t* number) {
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return status == std::errc() && end == text.data() + text.size() && *number <= most;
}

// Adds a toxic unless there is one of its kind for that direction and connection.
bool AddToxic(const Toxic& toxic, uint64_t connection, PeerScript* script) {
  GateToxic added{"", toxic, 1, connection};
  added.name = NameOf(added);
  for (const GateToxic& known : script->toxics) {
    const bool same_place =
        known.connection == 0 || connection == 0 || known.connection == connection;
    if (same_place && known.toxic.kind == toxic.kind && known.toxic.direction == toxic.direction) {
      return false;
    }
  }
  script->toxics.push_back(std::move(added));
  return true;
}

}  // namespace

std::string PeerScript::Print() const {
  std::string text = "seed " + std::to_string(seed) + "\n";
  if (send_buffer > 0) text += "send_buffer " + std::to_string(send_buffer) + "\n";
  if (receive_buffer > 0) text += "receive_buffer " + std::to_string(receive_buffer) + "\n";
  if (!replies.empty()) {
    text += "reply";
    for (const std::string& reply : replies) {
      text += ' ';
      AppendQuoted(&text, reply);
    }
    text += '\n';
  }
  uint64_t connection = 0;
  for (const GateToxic& toxic : toxics) {
    if (toxic.connection != connection) {
      connection = toxic.connection;
      text += "connection " + std::to_string(connection) + "\n";
    }
    text += PrintToxic(toxic.toxic) + "\n";
  }
  return text;
}

std::optional<PeerScript> ParsePeerScript(std::string_view text, std::string* error) {
  PeerScript script;
  uint64_t connection = 0;
  std::string_view line;
  std::vector<ops_text::Word> words;
  for (size_t number = 1; ops_text::TakeLine(&text, &line); ++number) {
    const auto fail = [&](const std::string& what) -> std::optional<PeerScript> {
      *error = "line " + std::to_string(number) + ": " + what;
      return std::nullopt;
    };
    if (std::string what = ops_text::SplitLine(line, &words); !what.empty()) return fail(what);
    if (words.empty()) continue;
    const std::string& key = words[0].text;
    const bool buffer = key == "send_buffer" || key == "receive_buffer";
    if (key == "seed" || key == "connection" || buffer) {
      uint64_t value = 0;
      const uint64_t most = buffer ? kMostBuffer : UINT64_MAX;
      if (words.size() != 2 || !ReadNumber(words[1].text, most, &value)) {
        return fail(key + " takes one whole number up to " + std::to_string(most));
      }
      if (key == "connection" && value == 0) {
        return fail(
            "connection takes a number from 1 on: write toxics of all connections before the first "
            "such line");
      }
      if (key == "seed") script.seed = value;
      if (key == "connection") connection = value;
      if (key == "send_buffer") script.send_buffer = static_cast<int>(value);
      if (key == "receive_buffer") script.receive_buffer = static_cast<int>(value);
      continue;
    }
    if (key == "reply") {
      for (size_t i = 1; i < words.size(); ++i) script.replies.push_back(words[i].text);
      continue;
    }
    std::string what;
    std::string joined;
    for (const ops_text::Word& word : words) joined += (joined.empty() ? "" : " ") + word.text;
    const std::optional<Toxic> toxic = ParseToxic(joined, &what);
    if (!toxic || !WorksOnSockets(*toxic, &what)) return fail(what);
    if (!AddToxic(*toxic, connection, &script)) {
      return fail("a second " + key + " on one stream: leave one out");
    }
  }
  return script;
}

PeerScript GeneratePeerScript(uint64_t seed) {
  Rng rng(seed);
  PeerScript script;
  script.seed = seed;
  // Small buffers in every second script, so that they become full.
  if (rng.OneIn(2)) script.send_buffer = static_cast<int>(rng.Between(2048, 16384));
  if (rng.OneIn(2)) script.receive_buffer = static_cast<int>(rng.Between(2048, 16384));
  for (uint64_t connection = 1; connection <= kScriptedConnections; ++connection) {
    for (uint64_t left = 1 + rng.Below(3); left > 0; --left) {
      const ToxicInfo& info = Toxics()[rng.Below(kToxicKinds)];
      const bool connects = info.place == ToxicPlace::kConnect || info.kind == ToxicKind::kDown;
      Toxic toxic = MakeToxic(info.kind);
      if (info.place == ToxicPlace::kStream && rng.OneIn(3)) {
        toxic.direction = ToxicDirection::kUpstream;
      }
      const std::span<const ToxicAttribute> attributes = info.named();
      for (size_t i = 0; i < attributes.size(); ++i) {
        // Times and offsets stay small, so that toxics fire soon.
        const std::string_view unit = attributes[i].unit;
        const int64_t near = unit == "ms" ? 50 : unit == "us" ? 2000 : 300;
        const int64_t most = std::min(attributes[i].most, near);
        toxic.values[i] = rng.Between(std::clamp(attributes[i].least, -near, most), most);
      }
      std::string error;
      // All connections share one port, so toxics that affect connecting cannot be for a single
      // one.
      if (!connects && WorksOnSockets(toxic, &error)) AddToxic(toxic, connection, &script);
    }
  }
  return script;
}

}  // namespace resprobe::live
