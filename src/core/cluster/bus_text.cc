#include "core/cluster/bus_text.h"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <optional>
#include <utility>

#include "core/cluster/bus_codec.h"

namespace resprobe::cluster {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kExtensionNames[] = {"hostname", "nodename",    "forgotten",
                                                "shardid",  "client-ipv4", "client-ipv6"};

bool IsBare(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-+./:_,").find(c) != std::string_view::npos;
}

void AppendHex(std::string_view bytes, std::string* out) {
  for (const char byte : bytes) {
    *out += kHex[static_cast<uint8_t>(byte) >> 4];
    *out += kHex[static_cast<uint8_t>(byte) & 15];
  }
}

// Bare or quoted.
void AppendWord(std::string_view bytes, std::string* out) {
  if (!bytes.empty() && std::ranges::all_of(bytes, IsBare)) {
    out->append(bytes);
    return;
  }
  *out += '"';
  for (const char byte : bytes) {
    if (byte == '"' || byte == '\\') {
      *out += '\\';
      *out += byte;
    } else if (byte >= ' ' && byte <= '~') {
      *out += byte;
    } else {
      out->append("\\x");
      AppendHex({&byte, 1}, out);
    }
  }
  *out += '"';
}

void AppendNumber(uint64_t value, std::string* out) { out->append(std::to_string(value)); }

template <class Names>
void AppendFlags(uint64_t bits, const Names& names, std::string* out) {
  bool first = true;
  const auto separate = [&] {
    if (!first) *out += ',';
    first = false;
  };
  for (size_t i = 0; i < std::size(names); ++i) {
    if ((bits >> i & 1) == 0) continue;
    separate();
    out->append(names[i]);
  }
  bits = bits >> std::size(names) << std::size(names);
  if (bits == 0) return;
  separate();
  out->append("0x");
  for (int shift = 12; shift >= 0; shift -= 4) *out += kHex[bits >> shift & 15];
}

void AppendSlots(const SlotSet& slots, std::string* out) {
  bool first = true;
  for (size_t slot = 0; slot < kSlots; ++slot) {
    if (slots.bytes[slot / 8] == 0) {
      slot |= 7;
      continue;
    }
    if (!HasSlot(slots, slot)) continue;
    size_t last = slot;
    while (last + 1 < kSlots && HasSlot(slots, last + 1)) ++last;
    if (!first) *out += ',';
    first = false;
    AppendNumber(slot, out);
    if (last > slot) {
      *out += '-';
      AppendNumber(last, out);
    }
    slot = last;
  }
}

// Prints the fields that it visits.
class Printer {
 public:
  Printer(const Packet* packet, std::string* out) : packet_(packet), out_(out) {}

  template <std::unsigned_integral T>
  void operator()(std::string_view name, const T& value) {
    if (value == 0) return;
    AppendNumber(value, Begin(name));
  }
  void operator()(std::string_view name, const Epoch& epoch) { (*this)(name, epoch.value); }
  void operator()(std::string_view name, const ModuleId& module) { (*this)(name, module.value); }
  void operator()(std::string_view name, const NodeFlags& flags) {
    if (flags.bits != 0) AppendFlags(flags.bits, NodeFlags::kNames, Begin(name));
  }
  void operator()(std::string_view name, const MessageFlags& flags) {
    if (flags.bits != 0) AppendFlags(flags.bits, MessageFlags::kNames, Begin(name));
  }
  void operator()(std::string_view name, const ClusterState& state) {
    if (state.value == 1) {
      Begin(name)->append("fail");
    } else {
      (*this)(name, state.value);
    }
  }
  void operator()(std::string_view name, const SlotSet& slots) {
    if (!slots.zero()) AppendSlots(slots, Begin(name));
  }
  template <size_t kSize>
  void operator()(std::string_view name, const Reserved<kSize>& bytes) {
    if (!bytes.zero()) AppendHex(bytes.view(), Begin(name));
  }
  void operator()(std::string_view name, const NodeId& node) { Padded(name, node.view()); }
  void operator()(std::string_view name, const Address& address) { Padded(name, address.view()); }
  void Type(uint16_t, bool) {}
  void GossipCount(uint16_t count) {
    if (!std::holds_alternative<GossipBody>(packet_->body)) (*this)("count", count);
  }
  void ExtensionCount(uint16_t count) {
    const bool listed = std::holds_alternative<GossipBody>(packet_->body) &&
                        (packet_->header.mflags.bits & MessageFlags::kExtensionData) != 0;
    if (!listed) (*this)("extensions", count);
  }
  void Size(const std::string&) {}
  void Text(std::string_view name, const std::string& text) {
    if (!text.empty()) AppendWord(text, Begin(name));
  }
  void Rest(std::string_view name, const std::string& data) { Text(name, data); }
  void List(const std::vector<Gossip>& gossip) {
    for (const Gossip& entry : gossip) {
      out_->append("\n  gossip");
      Gossip::Fields(entry, *this);
    }
  }
  void List(const std::vector<Extension>& extensions) {
    for (const Extension& extension : extensions) {
      out_->append("\n  extension");
      Print(extension);
    }
  }

 private:
  std::string* Begin(std::string_view name) {
    *out_ += ' ';
    out_->append(name);
    *out_ += '=';
    return out_;
  }
  void Padded(std::string_view name, std::string_view bytes) {
    while (bytes.ends_with('\0')) bytes.remove_suffix(1);
    if (!bytes.empty()) AppendWord(bytes, Begin(name));
  }
  void Print(const Extension& extension) {
    if (extension.type < std::size(kExtensionNames)) {
      Begin("type")->append(kExtensionNames[extension.type]);
    } else {
      AppendNumber(extension.type, Begin("type"));
    }
    const std::optional<ExtensionData> data = DataOf(extension);
    if (!data.has_value()) {
      (*this)("reserved", extension.reserved);
      AppendWord(extension.data, Begin("data"));
    } else if (const auto* const text = std::get_if<TextData>(&*data)) {
      AppendWord(text->text, Begin("text"));
    } else if (const auto* const forgotten = std::get_if<ForgottenData>(&*data)) {
      ForgottenData::Fields(*forgotten, *this);
    } else {
      ShardData::Fields(std::get<ShardData>(*data), *this);
    }
  }

  const Packet* const packet_;
  std::string* const out_;
};

// One line of text, as words and fields.
struct Line {
  size_t number = 0;
  bool indented = false;
  std::vector<std::string> words;  // in front of the fields
  struct Field {
    std::string name;
    std::string value;
    bool used = false;
  };
  std::vector<Field> fields;
};

int HexDigit(char c) {
  const size_t at = kHex.find(static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c));
  return at == kHex.npos ? -1 : static_cast<int>(at);
}

// Removes a word, or what is in quotes, from the front of a line. False if it is malformed.
bool TakeWord(std::string_view* line, std::string* word) {
  word->clear();
  if (!line->starts_with('"')) {
    size_t end = 0;
    while (end < line->size() && IsBare((*line)[end])) ++end;
    word->assign(line->substr(0, end));
    line->remove_prefix(end);
    return end > 0;
  }
  for (size_t i = 1; i < line->size(); ++i) {
    const char c = (*line)[i];
    if (c == '"') {
      line->remove_prefix(i + 1);
      return true;
    }
    if (c != '\\') {
      *word += c;
    } else if (i + 1 < line->size() && ((*line)[i + 1] == '"' || (*line)[i + 1] == '\\')) {
      *word += (*line)[++i];
    } else if (i + 3 < line->size() && (*line)[i + 1] == 'x') {
      const int high = HexDigit((*line)[i + 2]);
      const int low = HexDigit((*line)[i + 3]);
      if (high < 0 || low < 0) return false;
      *word += static_cast<char>(high << 4 | low);
      i += 3;
    } else {
      return false;
    }
  }
  return false;
}

// "": nothing is wrong.
std::string Split(std::string_view text, Line* line) {
  line->indented = text.starts_with(' ');
  std::string word;
  for (;;) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    if (text.empty()) return "";
    if (!TakeWord(&text, &word)) {
      return "a word is malformed: quote it, with \\xHH for what is not printable";
    }
    if (!text.starts_with('=')) {
      if (!line->fields.empty()) return "'" + word + "' is no field: write NAME=VALUE";
      line->words.push_back(word);
      continue;
    }
    text.remove_prefix(1);
    line->fields.push_back({word, ""});
    if (!TakeWord(&text, &line->fields.back().value)) {
      return "the value of '" + word +
             "' is malformed: quote it, with \\xHH for what is not printable";
    }
  }
}

template <class T>
bool ReadNumber(std::string_view text, T* value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

template <class Names>
bool ReadFlags(std::string_view text, const Names& names, uint64_t* bits) {
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find(',', start), text.size());
    const std::string_view name = text.substr(start, end - start);
    const auto known = std::ranges::find(names, name);
    uint64_t other = 0;
    if (known != std::end(names)) {
      *bits |= uint64_t{1} << (known - std::begin(names));
    } else if (name.starts_with("0x") && ReadNumber(name.substr(2), &other, 16)) {
      *bits |= other;
    } else {
      return false;
    }
    start = end + 1;
  }
  return true;
}

bool ReadSlots(std::string_view text, SlotSet* slots) {
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find(',', start), text.size());
    const std::string_view range = text.substr(start, end - start);
    const size_t dash = range.find('-');
    size_t first = 0;
    size_t last = 0;
    if (!ReadNumber(range.substr(0, dash), &first)) return false;
    last = first;
    if (dash != range.npos && !ReadNumber(range.substr(dash + 1), &last)) return false;
    if (first > last || last >= kSlots) return false;
    for (size_t slot = first; slot <= last; ++slot) AddSlot(slots, slot);
    start = end + 1;
  }
  return true;
}

// Fills the fields that it visits from a line.
class TextReader {
 public:
  explicit TextReader(Line* line) : line_(line) {}

  // What is wrong, "" if nothing is, and each field of the line was visited.
  std::string Result() const {
    if (!error_.empty()) return error_;
    for (const Line::Field& field : line_->fields) {
      if (!field.used) {
        return "'" + field.name + "' is no field of this, or occurs twice: remove it";
      }
    }
    return "";
  }
  // The value of a field; null if the line has none.
  const std::string* Find(std::string_view name) {
    for (Line::Field& field : line_->fields) {
      if (field.name != name || field.used) continue;
      field.used = true;
      return &field.value;
    }
    return nullptr;
  }

  template <std::unsigned_integral T>
  void operator()(std::string_view name, T& value) {
    value = 0;
    const std::string* const text = Find(name);
    if (text != nullptr && !ReadNumber(*text, &value)) {
      Wrong(name, *text, "a number of " + std::to_string(8 * sizeof(T)) + " bits");
    }
  }
  void operator()(std::string_view name, Epoch& epoch) { (*this)(name, epoch.value); }
  void operator()(std::string_view name, ModuleId& module) { (*this)(name, module.value); }
  void operator()(std::string_view name, NodeFlags& flags) {
    flags.bits = static_cast<uint16_t>(Flags(name, NodeFlags::kNames, UINT16_MAX));
  }
  void operator()(std::string_view name, MessageFlags& flags) {
    flags.bits = static_cast<uint8_t>(Flags(name, MessageFlags::kNames, UINT8_MAX));
  }
  void operator()(std::string_view name, ClusterState& state) {
    state.value = 0;
    const std::string* const text = Find(name);
    if (text == nullptr || *text == "ok") return;
    if (*text == "fail") {
      state.value = 1;
    } else if (!ReadNumber(*text, &state.value)) {
      Wrong(name, *text, "ok, fail, or a number of 8 bits");
    }
  }
  void operator()(std::string_view name, SlotSet& slots) {
    slots = {};
    const std::string* const text = Find(name);
    if (text != nullptr && !ReadSlots(*text, &slots)) {
      Wrong(name, *text, "slots below 16384, such as 0-99,7000");
    }
  }
  template <size_t kSize>
  void operator()(std::string_view name, Reserved<kSize>& bytes) {
    bytes = {};
    const std::string* const text = Find(name);
    if (text == nullptr) return;
    bool right = text->size() == 2 * kSize;
    for (size_t i = 0; right && i < kSize; ++i) {
      const int high = HexDigit((*text)[2 * i]);
      const int low = HexDigit((*text)[2 * i + 1]);
      right = high >= 0 && low >= 0;
      bytes.bytes[i] = static_cast<char>(high << 4 | low);
    }
    if (!right) Wrong(name, *text, std::to_string(2 * kSize) + " hexadecimal digits");
  }
  void operator()(std::string_view name, NodeId& node) { Padded(name, &node); }
  void operator()(std::string_view name, Address& address) { Padded(name, &address); }
  void Type(uint16_t, bool) {}
  void GossipCount(uint16_t& count) { (*this)("count", count); }
  void ExtensionCount(uint16_t& count) { (*this)("extensions", count); }
  void Size(const std::string&) {}
  void Text(std::string_view name, std::string& text) {
    const std::string* const found = Find(name);
    text = found == nullptr ? "" : *found;
  }
  void Rest(std::string_view name, std::string& data) { Text(name, data); }
  // They are lines of their own.
  void List(const std::vector<Gossip>&) {}
  void List(const std::vector<Extension>&) {}

  void Wrong(std::string_view name, std::string_view value, const std::string& right) {
    if (!error_.empty()) return;
    error_ =
        "'" + std::string(value) + "' is no value of '" + std::string(name) + "': write " + right;
  }

 private:
  template <class Names>
  uint64_t Flags(std::string_view name, const Names& names, uint64_t most) {
    uint64_t bits = 0;
    const std::string* const text = Find(name);
    if (text == nullptr) return 0;
    if (!ReadFlags(*text, names, &bits) || bits > most) {
      std::string list;
      for (const std::string_view known : names) list += std::string(known) + ", ";
      Wrong(name, *text, "some of " + list + "or 0x4000, with commas between them");
    }
    return bits;
  }
  template <class Fixed>
  void Padded(std::string_view name, Fixed* value) {
    *value = {};
    const std::string* const text = Find(name);
    if (text == nullptr) return;
    if (text->size() > Fixed::kBytes) {
      return Wrong(name, *text, "at most " + std::to_string(Fixed::kBytes) + " bytes");
    }
    *value = Fixed::Of(*text);
  }

  Line* const line_;
  std::string error_;
};

std::string ReadExtension(Line* line, Extension* extension) {
  TextReader reader(line);
  const std::string* const type = reader.Find("type");
  if (type == nullptr) return "an extension has no type: write type=hostname";
  const auto known = std::ranges::find(kExtensionNames, *type);
  if (known != std::end(kExtensionNames)) {
    extension->type = static_cast<uint16_t>(known - std::begin(kExtensionNames));
  } else if (!ReadNumber(*type, &extension->type)) {
    reader.Wrong("type", *type, "hostname, nodename, forgotten, shardid, client-ipv4, client-ipv6");
    return reader.Result();
  }
  if (const std::string* const data = reader.Find("data")) {
    if (data->size() % 8 != 0) return "data is a multiple of 8 bytes: fill it with zeros";
    reader("reserved", extension->reserved);
    extension->data = *data;
    return reader.Result();
  }
  const auto form = static_cast<ExtensionType>(extension->type);
  if (known == std::end(kExtensionNames)) return "an unknown extension has data: write data=\"\"";
  if (form == ExtensionType::kForgotten) {
    ForgottenData data;
    ForgottenData::Fields(data, reader);
    *extension = MakeExtension(form, data);
  } else if (form == ExtensionType::kShardId) {
    ShardData data;
    ShardData::Fields(data, reader);
    *extension = MakeExtension(form, data);
  } else {
    TextData data;
    reader.Text("text", data.text);
    *extension = MakeExtension(form, data);
  }
  return reader.Result();
}

// The first line of a packet.
std::string ReadHead(Line* line, Packet* packet) {
  *packet = {};
  std::vector<std::string>& words = line->words;
  Header& header = packet->header;
  TextReader reader(line);
  if (!words.empty() && words[0] == "light") {
    header.light = true;
    words.erase(words.begin());
  }
  if (words.empty()) {
    const std::string* const type = reader.Find("type");
    if (type == nullptr) return "a packet begins with its type: write ping, or type=77";
    if (!ReadNumber(*type, &header.type)) {
      reader.Wrong("type", *type, "a number of 16 bits");
      return reader.Result();
    }
  } else {
    const auto known = std::ranges::find(kPacketTypeInfo, words[0], &PacketTypeInfo::name);
    if (known == std::end(kPacketTypeInfo) || words.size() > 1) {
      std::string names;
      for (const PacketTypeInfo& info : kPacketTypeInfo) names += std::string(info.name) + ", ";
      return "'" + words.back() + "' is no type of a packet: write " + names + "or type=77";
    }
    header.type = static_cast<uint16_t>(known - std::begin(kPacketTypeInfo));
  }
  if (header.light && (header.type >= kPacketTypes || !kPacketTypeInfo[header.type].light)) {
    return "packets of this type have no light header: leave out 'light'";
  }
  Header::Fields(header, reader);
  packet->ChooseBody();
  std::visit([&]<class Kind>(Kind& body) { Kind::Fields(body, reader); }, packet->body);
  return reader.Result();
}

std::string ReadEntry(Line* line, Packet* packet) {
  auto* const lists = std::get_if<GossipBody>(&packet->body);
  if (line->words.size() != 1 || (line->words[0] != "gossip" && line->words[0] != "extension")) {
    return "an indented line begins with gossip or extension";
  }
  if (lists == nullptr) return "only ping, pong and meet have such a line: remove it";
  if (line->words[0] == "extension") {
    if ((packet->header.mflags.bits & MessageFlags::kExtensionData) == 0) {
      return "extensions need mflags=ext-data";
    }
    if (lists->extensions.size() == UINT16_MAX) return "a packet has at most 65535 extensions";
    return ReadExtension(line, &lists->extensions.emplace_back());
  }
  if (lists->gossip.size() == UINT16_MAX) return "a packet has at most 65535 entries";
  if (!lists->extensions.empty()) return "gossip comes before extensions: move the line";
  TextReader reader(line);
  Gossip::Fields(lists->gossip.emplace_back(), reader);
  return reader.Result();
}

}  // namespace

std::string PacketName(const Header& header) {
  std::string name = header.light ? "light " : "";
  if (header.type >= kPacketTypes) return name + "type " + std::to_string(header.type);
  return name.append(kPacketTypeInfo[header.type].name);
}

void PrintPacket(const Packet& packet, std::string* out) {
  if (packet.header.type < kPacketTypes) {
    out->append(PacketName(packet.header));
  } else {
    out->append("type=").append(std::to_string(packet.header.type));
  }
  Printer printer(&packet, out);
  Header::Fields(packet.header, printer);
  std::visit([&]<class Kind>(const Kind& body) { Kind::Fields(body, printer); }, packet.body);
  *out += '\n';
}

std::string ReadPacketText(std::string_view text, Packet* packet) {
  size_t number = 0;
  bool any = false;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view content = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (content.empty()) continue;
    Line line;
    std::string wrong = Split(content, &line);
    if (wrong.empty() && line.indented != any) {
      wrong = any ? "a second packet begins: remove it" : "a packet begins without blanks";
    }
    if (wrong.empty()) wrong = any ? ReadEntry(&line, packet) : ReadHead(&line, packet);
    if (!wrong.empty()) return "line " + std::to_string(number) + ": " + wrong;
    any = true;
  }
  if (!any) return "line 1: there is no packet: write its type and fields";
  packet->CountLists();
  return "";
}

}  // namespace resprobe::cluster
