#ifndef RESPROBE_TESTS_CORE_RESP_PARSE_EVENTS_H_
#define RESPROBE_TESTS_CORE_RESP_PARSE_EVENTS_H_

// A parser's output for bytes that arrive in slices, as text that can be compared.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "core/resp/writer.h"

namespace resprobe::resp {

// Splits `input` at `cuts` (ascending).
inline std::vector<std::string_view> Slices(std::string_view input, std::span<const size_t> cuts) {
  std::vector<std::string_view> slices;
  size_t from = 0;
  for (const size_t cut : cuts) {
    slices.push_back(input.substr(from, cut - from));
    from = cut;
  }
  slices.push_back(input.substr(from));
  return slices;
}

inline std::vector<size_t> EveryByte(std::string_view input) {
  std::vector<size_t> cuts;
  for (size_t i = 1; i < input.size(); ++i) cuts.push_back(i);
  return cuts;
}

// One line per value: "9 (integer) 1" (bytes consumed so far, the value). The last line is one of
// "idle", "more 4" (the start of the unfinished token), "error 4 7 expected …" (code, offset,
// message).
inline std::string ReplyEvents(std::string_view input, std::span<const size_t> cuts = {},
                               const ReplyLimits& limits = ReplyLimits()) {
  ReplyParser parser(limits);
  std::string events;
  for (std::string_view slice : Slices(input, cuts)) {
    for (;;) {
      const auto result = parser.Parse(slice);
      if (result.status == ReplyParser::Status::kNeedMore) {
        if (result.consumed != slice.size()) events += "left bytes over\n";
        break;
      }
      if (result.status == ReplyParser::Status::kError) {
        const ParseError& error = parser.error();
        return events + "error " + std::to_string(static_cast<int>(error.code)) + " " +
               std::to_string(error.offset) + " " + error.message() + "\n";
      }
      events += std::to_string(parser.offset()) + " " + ToText(parser.reply().root()) + "\n";
      slice.remove_prefix(result.consumed);
    }
  }
  if (parser.idle()) return events + "idle\n";
  return events + "more " + std::to_string(parser.token_offset()) + "\n";
}

// One line per request: "14 "GET" "k"". The last line is one of "idle", "more", "error 4 text".
inline std::string RequestEvents(std::string_view input, std::span<const size_t> cuts = {},
                                 const RequestLimits& limits = RequestLimits(),
                                 bool authenticated = true) {
  RequestParser parser(limits);
  parser.set_authenticated(authenticated);
  std::string events;
  for (std::string_view slice : Slices(input, cuts)) {
    for (;;) {
      const auto result = parser.Parse(slice);
      if (result.status == RequestParser::Status::kNeedMore) {
        if (result.consumed != slice.size()) events += "left bytes over\n";
        break;
      }
      if (result.status == RequestParser::Status::kError) {
        return events + "error " + std::to_string(parser.error().offset) + " " +
               parser.error().text + "\n";
      }
      events += std::to_string(parser.offset());
      for (const std::string_view arg : parser.args()) {
        events += " \"";
        AppendEscaped(&events, arg);
        events += "\"";
      }
      events += "\n";
      slice.remove_prefix(result.consumed);
    }
  }
  return events + (parser.idle() ? "idle\n" : "more\n");
}

}  // namespace resprobe::resp

#endif  // RESPROBE_TESTS_CORE_RESP_PARSE_EVENTS_H_
