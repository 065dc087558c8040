#include "cli/cases/diagram.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <vector>

namespace resprobe::cli {
namespace {

constexpr int kRow = 20;
constexpr int kTop = 70;
constexpr int kLeft = 230;  // width of the ops
constexpr int kColumn = 260;
constexpr size_t kLongest = 44;  // characters of a label

// Columns that are not a client's: the server, or the one that began as the primary; the replica;
// an op.
constexpr int kServer = -1;
constexpr int kReplica = -2;
constexpr int kOp = -3;

struct Message {
  int from_row = 0;
  int to_row = -1;  // never arrived
  int client = 0;
  int server = kServer;
  bool to_server = false;
  bool push = false;
  std::string text;
};

struct Remark {
  int row = 0;
  int client = kServer;
  std::string text;
  enum class Kind { kOp, kHit, kEntries, kEvent } kind = Kind::kEvent;
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

std::string Cut(std::string_view text) {
  if (text.size() <= kLongest) return std::string(text);
  return std::string(text.substr(0, kLongest)) + "...";
}

// Parses the lines of a trace into rows of a diagram.
class Reader {
 public:
  void Line(std::string_view line) {
    if (line.starts_with("#") || line == "settle") {
      Add(kOp, Remark::Kind::kOp, line);
    } else if (line.starts_with("violation ")) {
      violation_.push_back(std::string(line));
    } else if (!violation_.empty() &&
               (line.starts_with("  expected") || line.starts_with("  seen"))) {
      violation_.push_back(std::string(line.substr(2)));
    } else if (const int server = TakeServer(&line); server != 0) {
      Server(server, line);
    } else if (line.starts_with("  c") && line.size() > 4) {
      Client(line.substr(3));
    }
  }

  std::string Svg(std::string_view title) const;
  bool empty() const { return messages_.empty(); }

 private:
  void Add(int client, Remark::Kind kind, std::string_view text) {
    remarks_.push_back({++rows_, client, std::string(text), kind});
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
      two_servers_ |= name != kNames[0].first;
      return server;
    }
    return 0;
  }

  void Server(int server, std::string_view text) {
    const bool push = text.starts_with("pushes ");
    const std::string_view whole = text;
    const uint64_t number = TakeNumber(&text);
    if (number != 0 && text.starts_with("gets ")) {
      const auto found = messages_.find(number);
      if (found == messages_.end()) return;
      found->second.to_row = ++rows_;
      found->second.server = server;
    } else if (number != 0 && (push || text.starts_with("sends "))) {
      size_t to = text.rfind(" to c");
      if (to == std::string_view::npos) return;
      Message& message = messages_[number];
      message.from_row = ++rows_;
      message.client = std::atoi(std::string(text.substr(to + 5)).c_str());
      message.server = server;
      message.push = push;
      message.text = text.substr(push ? 7 : 6, to - (push ? 7 : 6));
      clients_ = std::max(clients_, message.client + 1);
    } else if (!whole.starts_with("gets ")) {
      Add(server, Remark::Kind::kEvent, whole);
    }
  }

  void Client(std::string_view text) {
    char* after = nullptr;
    const std::string copy(text);
    const int client = static_cast<int>(std::strtol(copy.c_str(), &after, 10));
    if (*after != ' ') return;
    text.remove_prefix(static_cast<size_t>(after - copy.c_str()) + 1);
    clients_ = std::max(clients_, client + 1);
    const std::string_view whole = text;
    const uint64_t number = TakeNumber(&text);
    if (number != 0 && text.starts_with("sends ")) {
      Message& message = messages_[number];
      message.from_row = ++rows_;
      message.client = client;
      message.to_server = true;
      message.text = text.substr(6);
    } else if (number != 0 && text.starts_with("gets ")) {
      const auto found = messages_.find(number);
      if (found != messages_.end()) found->second.to_row = ++rows_;
    } else if (text.starts_with("hits ") || text.starts_with("reads ")) {
      Add(client, Remark::Kind::kHit, whole);
    } else if (text.starts_with("holds ")) {
      Add(client, Remark::Kind::kEntries, text.substr(6));
    } else if (!text.starts_with("gets ")) {
      Add(client, Remark::Kind::kEvent, whole);
    }
  }

  int X(int lane) const {
    return kLeft + 90 + (lane < 0 ? clients_ + kServer - lane : lane) * kColumn;
  }
  static int Y(int row) { return kTop + row * kRow; }
  void Text(std::string* svg, int x, int y, std::string_view css, std::string_view text,
            std::string_view anchor = "start") const;
  void Draw(std::string* svg, const Message& message) const;

  int rows_ = 0;
  int clients_ = 1;
  bool two_servers_ = false;
  std::map<uint64_t, Message> messages_;
  std::vector<Remark> remarks_;
  std::vector<std::string> violation_;
};

void Reader::Text(std::string* svg, int x, int y, std::string_view css, std::string_view text,
                  std::string_view anchor) const {
  *svg += "<text x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\" class=\"" +
          std::string(css) + "\" text-anchor=\"" + std::string(anchor) + "\">" +
          Escaped(Cut(text)) + "</text>\n";
}

void Reader::Draw(std::string* svg, const Message& message) const {
  const bool lost = message.to_row < 0;
  const int client = X(message.client);
  const int server = X(message.server);
  const int from = message.to_server ? client : server;
  // A message that never arrives ends midway.
  int to = message.to_server ? server : client;
  if (lost) to = (from + to) / 2;
  const int y1 = Y(message.from_row);
  const int y2 = lost ? y1 + kRow / 2 : Y(message.to_row);
  const std::string css = lost                ? "lost"
                          : message.push      ? "push"
                          : message.to_server ? "request"
                                              : "reply";
  *svg += "<line x1=\"" + std::to_string(from) + "\" y1=\"" + std::to_string(y1) + "\" x2=\"" +
          std::to_string(to) + "\" y2=\"" + std::to_string(y2) + "\" class=\"" + css +
          "\" marker-end=\"url(#" + css + ")\"/>\n";
  const int x = message.to_server ? from + 8 : from - 8;
  Text(svg, x, y1 - 4, css + "-text", message.text, message.to_server ? "start" : "end");
}

std::string Reader::Svg(std::string_view title) const {
  const int last_lane = two_servers_ ? kReplica : kServer;
  const int width = X(last_lane) + 200;
  const int height = Y(rows_ + 3) + static_cast<int>(violation_.size()) * kRow;
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + std::to_string(width) +
                    "\" height=\"" + std::to_string(height) +
                    "\" font-family=\"monospace\" font-size=\"11\">\n<style>"
                    ".lane{stroke:#bbb}.request{stroke:#246}.reply{stroke:#484}.push{stroke:#b60}"
                    ".lost{stroke:#999;stroke-dasharray:4 3}.request-text{fill:#246}"
                    ".reply-text{fill:#484}.push-text{fill:#b60}.lost-text{fill:#999}"
                    ".op{fill:#000;font-weight:bold}.event{fill:#555;font-style:italic}"
                    ".hit{fill:#063;font-weight:bold}.entries{fill:#666}"
                    ".bad{fill:#d00;font-weight:bold}.title{font-size:14px}</style>\n<defs>";
  constexpr std::pair<const char*, const char*> kHeads[] = {
      {"request", "#246"}, {"reply", "#484"}, {"push", "#b60"}, {"lost", "#999"}};
  for (const auto& [name, color] : kHeads) {
    svg += "<marker id=\"" + std::string(name) +
           "\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\">"
           "<path d=\"M0,0L8,4L0,8z\" fill=\"" +
           std::string(color) + "\"/></marker>";
  }
  svg += "</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  Text(&svg, 10, 24, "title", title);
  for (int lane = last_lane; lane < clients_; ++lane) {
    const int x = X(lane);
    const std::string name = lane >= 0          ? "client " + std::to_string(lane)
                             : lane == kReplica ? "replica"
                             : two_servers_     ? "primary"
                                                : "server";
    Text(&svg, x, kTop - 16, "op", name, "middle");
    svg += "<line x1=\"" + std::to_string(x) + "\" y1=\"" + std::to_string(kTop - 8) + "\" x2=\"" +
           std::to_string(x) + "\" y2=\"" + std::to_string(Y(rows_ + 1)) + "\" class=\"lane\"/>\n";
  }
  // The read that violated the invariant, if it was a read: the last one of a client.
  const Remark* bad = nullptr;
  if (!violation_.empty() && !remarks_.empty()) {
    for (const Remark& remark : remarks_) {
      if (remark.kind == Remark::Kind::kHit) bad = &remark;
    }
    if (bad != nullptr && bad->row + 2 < rows_) bad = nullptr;
  }
  for (const auto& [number, message] : messages_) Draw(&svg, message);
  for (const Remark& remark : remarks_) {
    const int y = Y(remark.row);
    if (remark.kind == Remark::Kind::kOp) {
      Text(&svg, 10, y, "op", remark.text);
      continue;
    }
    const char* css = &remark == bad                          ? "bad"
                      : remark.kind == Remark::Kind::kHit     ? "hit"
                      : remark.kind == Remark::Kind::kEntries ? "entries"
                                                              : "event";
    const std::string text =
        remark.kind == Remark::Kind::kEntries ? "[" + remark.text + "]" : remark.text;
    Text(&svg, X(remark.client) + 8, y, css, text);
    svg += "<circle cx=\"" + std::to_string(X(remark.client)) + "\" cy=\"" + std::to_string(y - 4) +
           "\" r=\"3\" class=\"" + css + "\"/>\n";
  }
  int y = Y(rows_ + 2);
  for (const std::string& line : violation_) {
    svg += "<text x=\"10\" y=\"" + std::to_string(y) + "\" class=\"bad\">" + Escaped(line) +
           "</text>\n";
    y += kRow;
  }
  return svg + "</svg>\n";
}

}  // namespace

std::string SequenceDiagram(std::string_view title, std::string_view trace) {
  Reader reader;
  while (!trace.empty()) {
    const size_t end = trace.find('\n');
    reader.Line(trace.substr(0, end));
    trace.remove_prefix(end == std::string_view::npos ? trace.size() : end + 1);
  }
  return reader.empty() ? std::string() : reader.Svg(title);
}

}  // namespace resprobe::cli
