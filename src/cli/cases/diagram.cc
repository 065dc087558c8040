#include "cli/cases/diagram.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace resprobe::cli {
namespace {

// Pixels.
constexpr int kRow = 20;   // height of a row whose text is one line
constexpr int kLine = 13;  // height of each further line
constexpr int kTop = 50;
constexpr int kLeft = 230;  // width of the ops
constexpr int kColumn = 260;
constexpr int kRight = 250;      // width to the right of the last lane
constexpr int kCharTenths = 67;  // width of a character, in tenths
constexpr int kGap = 8;          // between a lane and the text beside it

// Columns that are not a client's: the server, or the one that began as the primary; the replica;
// an op.
constexpr int kServer = -1;
constexpr int kReplica = -2;
constexpr int kOp = -3;

struct Message {
  int client = 0;
  int wire = 0;  // of the client's connections
  int server = kServer;
  bool to_server = false;
  bool push = false;
  bool handshake = false;
  bool arrives = false;
  std::string text;
};

enum class RemarkKind : uint8_t { kOp, kHit, kEntries, kEvent };

// A line of the trace: a message is sent or arrives, or something else happens.
struct Event {
  enum class Kind : uint8_t { kSend, kGet, kRemark } kind = Kind::kRemark;
  uint64_t number = 0;  // of the message
  int lane = kServer;   // of a remark
  RemarkKind remark = RemarkKind::kEvent;
  std::string text;
};

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

// The text in lines that are at most `width` pixels wide: broken at blanks, else inside a word.
std::vector<std::string> Lines(std::string_view text, int width) {
  const auto most = static_cast<size_t>(std::max(width * 10 / kCharTenths, 8));
  std::vector<std::string> lines;
  while (text.size() > most) {
    size_t at = text.rfind(' ', most);
    const bool blank = at != text.npos && at > most / 2;
    if (!blank) {
      // Not inside a character of UTF-8.
      for (at = most; at > 1 && (text[at] & 0xC0) == 0x80;) --at;
    }
    lines.emplace_back(text.substr(0, at));
    text.remove_prefix(at + (blank ? 1 : 0));
  }
  lines.emplace_back(text);
  return lines;
}

int WidthOf(std::string_view line) {
  const auto characters =
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return static_cast<int>(characters) * kCharTenths / 10 + 2;
}

// The wire that " on wire 1" names in the text; 0 if it names none.
int WireOf(std::string_view text) {
  constexpr std::string_view kOn = "on wire ";
  const size_t at = text.find(kOn);
  return at == text.npos ? 0 : std::atoi(std::string(text.substr(at + kOn.size())).c_str());
}

bool IsHandshake(std::string_view request) {
  return request.starts_with("HELLO ") || request.starts_with("CLIENT TRACKING ");
}

// Parses the lines of a trace.
class Reader {
 public:
  void Line(std::string_view line) {
    if (line.starts_with("#") || line == "settle") {
      Add(kOp, RemarkKind::kOp, line);
    } else if (line.starts_with("violation ")) {
      violation.push_back(std::string(line));
    } else if (!violation.empty() &&
               (line.starts_with("  expected") || line.starts_with("  seen"))) {
      violation.push_back(std::string(line.substr(2)));
    } else if (const int server = TakeServer(&line); server != 0) {
      Server(server, line);
    } else if (line.starts_with("  c") && line.size() > 4) {
      Client(line.substr(3));
    }
  }

  int clients = 1;
  bool two_servers = false;
  std::map<uint64_t, Message> messages;
  std::vector<Event> events;
  std::vector<std::string> violation;

 private:
  void Add(int lane, RemarkKind kind, std::string_view text) {
    events.push_back({.kind = Event::Kind::kRemark,
                      .number = 0,
                      .lane = lane,
                      .remark = kind,
                      .text = std::string(text)});
  }
  void Add(Event::Kind kind, uint64_t number) {
    events.push_back({.kind = kind, .number = number, .text = ""});
  }

  // Removes " … (#12)" from the end and returns the number; 0 if there is none.
  static uint64_t TakeNumber(std::string_view* text) {
    const size_t at = text->rfind(" (#");
    if (at == std::string_view::npos) return 0;
    const uint64_t number = std::strtoull(std::string(text->substr(at + 3)).c_str(), nullptr, 10);
    *text = text->substr(0, at);
    return number;
  }

  // If the line is a server's: returns which, and removes its name from the line; 0 otherwise.
  int TakeServer(std::string_view* line) {
    constexpr std::pair<std::string_view, int> kNames[] = {{"  server ", kServer},
                                                           {"  primary ", kServer},
                                                           {"  replica ", kReplica},
                                                           {"  new primary ", kReplica}};
    for (const auto& [name, server] : kNames) {
      if (!line->starts_with(name)) continue;
      line->remove_prefix(name.size());
      two_servers |= name != kNames[0].first;
      return server;
    }
    return 0;
  }

  void Server(int server, std::string_view text) {
    const bool push = text.starts_with("pushes ");
    const std::string_view whole = text;
    const uint64_t number = TakeNumber(&text);
    if (number != 0 && text.starts_with("gets ")) {
      const auto found = messages.find(number);
      if (found == messages.end()) return;
      Message& message = found->second;
      message.arrives = true;
      Talks(message.client, server);
      taken_[{message.client, message.wire}].push_back(message.handshake);
      Add(Event::Kind::kGet, number);
    } else if (number != 0 && (push || text.starts_with("sends "))) {
      const size_t to = text.rfind(" to c");
      if (to == std::string_view::npos) return;
      Message& message = messages[number];
      message.client = std::atoi(std::string(text.substr(to + 5)).c_str());
      message.wire = WireOf(text.substr(to));
      message.server = server;
      message.push = push;
      message.text = text.substr(push ? 7 : 6, to - (push ? 7 : 6));
      clients = std::max(clients, message.client + 1);
      // Replies come in the order of the requests.
      std::deque<bool>& taken = taken_[{message.client, message.wire}];
      if (!push && !taken.empty()) {
        message.handshake = taken.front();
        taken.pop_front();
      }
      Add(Event::Kind::kSend, number);
    } else if (!whole.starts_with("gets ")) {
      if (whole.find("the replica takes its place") != whole.npos) {
        for (int client = 0; client < clients; ++client) server_of_[client] = kReplica;
      }
      Add(server, RemarkKind::kEvent, whole);
    }
  }

  // The client's connection is to that server: what it has sent there without arriving, too.
  void Talks(int client, int server) {
    server_of_[client] = server;
    for (const uint64_t number : unsure_[client]) messages[number].server = server;
    unsure_[client].clear();
  }

  void Client(std::string_view text) {
    char* after = nullptr;
    const std::string copy(text);
    const int client = static_cast<int>(std::strtol(copy.c_str(), &after, 10));
    if (*after != ' ') return;
    text.remove_prefix(static_cast<size_t>(after - copy.c_str()) + 1);
    clients = std::max(clients, client + 1);
    const std::string_view whole = text;
    const uint64_t number = TakeNumber(&text);
    if (number != 0 && text.starts_with("sends ")) {
      Message& message = messages[number];
      message.client = client;
      if (const auto known = server_of_.find(client); known != server_of_.end()) {
        message.server = known->second;
      }
      message.to_server = true;
      text.remove_prefix(std::string_view("sends ").size());
      message.text = text;
      if (text.starts_with("on wire ")) {
        message.wire = WireOf(text);
        text.remove_prefix(std::min(text.find(' ', text.find("wire ") + 5), text.size() - 1) + 1);
      }
      message.handshake = IsHandshake(text);
      unsure_[client].push_back(number);
      Add(Event::Kind::kSend, number);
    } else if (number != 0 && text.starts_with("gets ")) {
      const auto found = messages.find(number);
      if (found == messages.end()) return;
      found->second.arrives = true;
      Add(Event::Kind::kGet, number);
    } else if (text.starts_with("hits ") || text.starts_with("reads ")) {
      Add(client, RemarkKind::kHit, whole);
    } else if (text.starts_with("holds ")) {
      Add(client, RemarkKind::kEntries, "[" + std::string(text.substr(6)) + "]");
    } else if (!text.starts_with("gets ")) {
      if (text.starts_with("connects")) {
        unsure_[client].clear();
        for (auto& [wire, taken] : taken_) {
          if (wire.first == client) taken.clear();
        }
      }
      Add(client, RemarkKind::kEvent, whole);
    }
  }

  std::map<int, int> server_of_;                 // by client
  std::map<int, std::vector<uint64_t>> unsure_;  // sent on this connection; its server is unknown
  // Requests without replies, by client and wire: is it a handshake?
  std::map<std::pair<int, int>, std::deque<bool>> taken_;
};

// An arrow: a message, or what a handshake sends in one direction, or a whole handshake.
struct Arrow {
  Message message;
  int from_row = 0;
  int to_row = 0;
};

struct Remark {
  int row = 0;
  const Event* event = nullptr;
};

// Places what was read in rows, and draws it.
class Drawing {
 public:
  explicit Drawing(const Reader& reader) : reader_(reader) { Place(); }
  std::string Svg(std::string_view title) const;

 private:
  void Place();
  size_t PlaceHandshake(size_t first);
  int AddRow(size_t lines);

  int X(int lane) const {
    return kLeft + 90 + (lane < 0 ? reader_.clients + kServer - lane : lane) * kColumn;
  }
  int Y(int row) const { return bottoms_[static_cast<size_t>(row)]; }
  // The room for the text of a message beside the lane where it begins, and for that of a remark.
  static int RoomFor(const Message&) { return kColumn - 2 * kGap; }
  int RoomFor(const Event& event) const {
    if (event.lane == kOp) return kLeft + 60;
    const bool last = X(event.lane) + kColumn > X(LastLane());
    return (last ? kRight : kColumn) - 2 * kGap;
  }
  int LastLane() const { return reader_.two_servers ? kReplica : kServer; }

  void Text(std::string* svg, int x, int y, std::string_view css,
            const std::vector<std::string>& lines, std::string_view anchor = "start") const;
  void DrawLine(std::string* svg, const Arrow& arrow) const;
  static std::string CssOf(const Arrow& arrow) {
    return !arrow.message.arrives    ? "lost"
           : arrow.message.handshake ? "handshake"
           : arrow.message.push      ? "push"
           : arrow.message.to_server ? "request"
                                     : "reply";
  }

  const Reader& reader_;
  std::vector<int> bottoms_ = {kTop};  // the line of each row, from row 0 on: that of the names
  std::vector<Arrow> arrows_;
  std::vector<Remark> remarks_;
  std::map<uint64_t, size_t> arrow_of_;  // by message
};

int Drawing::AddRow(size_t lines) {
  bottoms_.push_back(bottoms_.back() + kRow + static_cast<int>(lines - 1) * kLine);
  return static_cast<int>(bottoms_.size()) - 1;
}

void Drawing::Place() {
  for (size_t i = 0; i < reader_.events.size();) {
    const Event& event = reader_.events[i];
    if (event.kind == Event::Kind::kRemark) {
      remarks_.push_back({AddRow(Lines(event.text, RoomFor(event)).size()), &event});
      ++i;
      continue;
    }
    const Message& message = reader_.messages.at(event.number);
    if (message.handshake) {
      i = PlaceHandshake(i);
      continue;
    }
    if (event.kind == Event::Kind::kSend) {
      arrow_of_[event.number] = arrows_.size();
      const int row = AddRow(Lines(message.text, RoomFor(message)).size());
      arrows_.push_back({.message = message, .from_row = row, .to_row = row});
    } else {
      arrows_[arrow_of_.at(event.number)].to_row = AddRow(1);
    }
    ++i;
  }
}

// Places a run of events of one client's handshake in one row, or, if part of the messages are sent
// or arrive elsewhere, in a row for each thing that happens. Returns the index after the run.
size_t Drawing::PlaceHandshake(size_t first) {
  const std::vector<Event>& events = reader_.events;
  const auto message_of = [&](size_t i) -> const Message& {
    return reader_.messages.at(events[i].number);
  };
  size_t end = first;
  std::set<uint64_t> sent;
  std::set<uint64_t> arrived;
  std::string requests;
  for (; end < events.size() && events[end].kind != Event::Kind::kRemark &&
         message_of(end).handshake && message_of(end).client == message_of(first).client;
       ++end) {
    const bool sends = events[end].kind == Event::Kind::kSend;
    (sends ? sent : arrived).insert(events[end].number);
    if (sends && message_of(end).to_server) {
      requests += (requests.empty() ? "" : ", ") + message_of(end).text;
    }
  }
  if (sent == arrived) {
    Arrow arrow{.message = message_of(first), .from_row = 0, .to_row = 0};
    arrow.message.to_server = !requests.empty();
    arrow.message.text = requests.empty() ? "replies to the handshake" : requests + ": done";
    arrow.from_row = arrow.to_row =
        AddRow(Lines(arrow.message.text, RoomFor(arrow.message)).size());
    arrows_.push_back(std::move(arrow));
    return end;
  }
  // One arrow for each stretch of messages that are sent in one direction; its end is the first
  // arrival.
  for (size_t i = first; i < end; ++i) {
    const Message& message = message_of(i);
    if (events[i].kind == Event::Kind::kGet) {
      const auto found = arrow_of_.find(events[i].number);
      if (found == arrow_of_.end() || !arrows_[found->second].message.arrives) continue;
      Arrow& arrow = arrows_[found->second];
      if (arrow.to_row == arrow.from_row) arrow.to_row = AddRow(1);
      continue;
    }
    const bool joins = i > first && events[i - 1].kind == Event::Kind::kSend &&
                       message_of(i - 1).to_server == message.to_server;
    if (!joins) {
      arrows_.push_back({.message = message, .from_row = 0, .to_row = 0});
      Arrow& arrow = arrows_.back();
      arrow.message.text.clear();
      arrow.message.arrives = false;
      for (size_t k = i; k < end && events[k].kind == Event::Kind::kSend &&
                         message_of(k).to_server == message.to_server;
           ++k) {
        arrow.message.text += (k == i ? "" : ", ") + message_of(k).text;
        arrow.message.arrives |= message_of(k).arrives;
      }
      if (!message.to_server) arrow.message.text = "replies to the handshake";
      arrow.from_row = arrow.to_row =
          AddRow(Lines(arrow.message.text, RoomFor(arrow.message)).size());
    }
    arrow_of_[events[i].number] = arrows_.size() - 1;
  }
  return end;
}

// The last line's base is at y; each line has a background, so that no arrow runs through it.
void Drawing::Text(std::string* svg, int x, int y, std::string_view css,
                   const std::vector<std::string>& lines, std::string_view anchor) const {
  y -= static_cast<int>(lines.size() - 1) * kLine;
  for (const std::string& line : lines) {
    const int width = WidthOf(line);
    const int left = anchor == "end" ? x - width : anchor == "middle" ? x - width / 2 : x;
    *svg += "<rect x=\"" + std::to_string(left - 1) + "\" y=\"" + std::to_string(y - kLine + 3) +
            "\" width=\"" + std::to_string(width + 2) + "\" height=\"" + std::to_string(kLine) +
            "\" class=\"behind\"/><text x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) +
            "\" class=\"" + std::string(css) + "\" text-anchor=\"" + std::string(anchor) + "\">" +
            Escaped(line) + "</text>\n";
    y += kLine;
  }
}

void Drawing::DrawLine(std::string* svg, const Arrow& arrow) const {
  const Message& message = arrow.message;
  const int client = X(message.client);
  const int server = X(message.server);
  const int from = message.to_server ? client : server;
  int to = message.to_server ? server : client;
  int y2 = Y(arrow.to_row);
  if (!message.arrives) {
    // It ends on its way to the next lane, whoever has that.
    to = from + (to < from ? -1 : 1) * kColumn * 2 / 5;
    y2 = Y(arrow.from_row) + kRow / 2;
  }
  const std::string css = CssOf(arrow);
  *svg += "<line x1=\"" + std::to_string(from) + "\" y1=\"" + std::to_string(Y(arrow.from_row)) +
          "\" x2=\"" + std::to_string(to) + "\" y2=\"" + std::to_string(y2) + "\" class=\"" + css +
          "\" marker-end=\"url(#" + css + ")\"/>\n";
}

std::string Drawing::Svg(std::string_view title) const {
  const int width = X(LastLane()) + kRight;
  std::string body;
  int y = 24;
  const std::vector<std::string> title_lines = Lines(title, (width - 20) * 4 / 5);
  y += static_cast<int>(title_lines.size() - 1) * kLine;
  const int shift = y - 24;  // the rest of the drawing is lower by this
  const auto last_row = static_cast<int>(bottoms_.size()) - 1;
  for (int lane = LastLane(); lane < reader_.clients; ++lane) {
    body += "<line x1=\"" + std::to_string(X(lane)) + "\" y1=\"" + std::to_string(kTop + 8) +
            "\" x2=\"" + std::to_string(X(lane)) + "\" y2=\"" + std::to_string(Y(last_row) + kRow) +
            "\" class=\"lane\"/>\n";
  }
  for (const Arrow& arrow : arrows_) DrawLine(&body, arrow);
  // The texts are above all lines.
  for (int lane = LastLane(); lane < reader_.clients; ++lane) {
    const std::string name = lane >= 0             ? "client " + std::to_string(lane)
                             : lane == kReplica    ? "replica"
                             : reader_.two_servers ? "primary"
                                                   : "server";
    Text(&body, X(lane), kTop, "op", {name}, "middle");
  }
  for (const Arrow& arrow : arrows_) {
    const Message& message = arrow.message;
    const int from = X(message.to_server ? message.client : message.server);
    Text(&body, from + (message.to_server ? kGap : -kGap), Y(arrow.from_row) - 4,
         CssOf(arrow) + "-text", Lines(message.text, RoomFor(message)),
         message.to_server ? "start" : "end");
  }
  // The read that violated the invariant, if it was a read: the last one of a client.
  const Remark* bad = nullptr;
  if (!reader_.violation.empty()) {
    for (const Remark& remark : remarks_) {
      if (remark.event->remark == RemarkKind::kHit) bad = &remark;
    }
    if (bad != nullptr && bad->row + 2 < last_row) bad = nullptr;
  }
  for (const Remark& remark : remarks_) {
    const Event& event = *remark.event;
    const std::vector<std::string> lines = Lines(event.text, RoomFor(event));
    if (event.lane == kOp) {
      Text(&body, 10, Y(remark.row), "op", lines);
      continue;
    }
    const char* css = &remark == bad                         ? "bad"
                      : event.remark == RemarkKind::kHit     ? "hit"
                      : event.remark == RemarkKind::kEntries ? "entries"
                                                             : "event";
    Text(&body, X(event.lane) + kGap, Y(remark.row), css, lines);
    body += "<circle cx=\"" + std::to_string(X(event.lane)) + "\" cy=\"" +
            std::to_string(Y(remark.row) - 4) + "\" r=\"3\" class=\"" + css + "\"/>\n";
  }
  y = Y(last_row) + 2 * kRow;
  for (const std::string& line : reader_.violation) {
    const std::vector<std::string> lines = Lines(line, width - 20);
    y += static_cast<int>(lines.size() - 1) * kLine;
    Text(&body, 10, y, "bad", lines);
    y += kRow;
  }
  const int height = y + shift;
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + std::to_string(width) +
                    "\" height=\"" + std::to_string(height) +
                    "\" font-family=\"monospace\" font-size=\"11\">\n<style>"
                    ".lane{stroke:#bbb}.behind{fill:#fff;fill-opacity:0.9}.request{stroke:#246}"
                    ".reply{stroke:#484}.push{stroke:#b60}.handshake{stroke:#999}"
                    ".lost{stroke:#999;stroke-dasharray:4 3}.request-text{fill:#246}"
                    ".reply-text{fill:#484}.push-text{fill:#b60}.lost-text{fill:#999}"
                    ".handshake-text{fill:#999}"
                    ".op{fill:#000;font-weight:bold}.event{fill:#555;font-style:italic}"
                    ".hit{fill:#063;font-weight:bold}.entries{fill:#666}"
                    ".bad{fill:#d00;font-weight:bold}.title{font-size:14px}</style>\n<defs>";
  constexpr std::pair<const char*, const char*> kHeads[] = {{"request", "#246"},
                                                            {"reply", "#484"},
                                                            {"push", "#b60"},
                                                            {"handshake", "#999"},
                                                            {"lost", "#999"}};
  for (const auto& [name, color] : kHeads) {
    svg += "<marker id=\"" + std::string(name) +
           "\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\">"
           "<path d=\"M0,0L8,4L0,8z\" fill=\"" +
           std::string(color) + "\"/></marker>";
  }
  svg += "</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  Text(&svg, 10, 24 + shift, "title", title_lines);
  return svg + "<g transform=\"translate(0," + std::to_string(shift) + ")\">\n" + body +
         "</g>\n</svg>\n";
}

}  // namespace

std::string SequenceDiagram(std::string_view title, std::string_view trace) {
  Reader reader;
  while (!trace.empty()) {
    const size_t end = trace.find('\n');
    reader.Line(trace.substr(0, end));
    trace.remove_prefix(end == std::string_view::npos ? trace.size() : end + 1);
  }
  return reader.messages.empty() ? std::string() : Drawing(reader).Svg(title);
}

}  // namespace resprobe::cli
