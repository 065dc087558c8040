#ifndef RESPROBE_CACHELAB_HTTP_HTTP_JSON_H_
#define RESPROBE_CACHELAB_HTTP_HTTP_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/resp/reply.h"

namespace resprobe::cachelab {

// A reply in the endpoint's form: strings, numbers, null, arrays (sets too), objects (maps).
nlohmann::json ToHttpJson(const resp::ReplyView& reply);

// JSON in one line; bytes that are not UTF-8 become U+FFFD.
std::string DumpHttpJson(const nlohmann::json& json);

// The parts of "http://HOST:PORT/PATH"; the path is "/" if it is missing.
struct HttpUrl {
  std::string host;  // without brackets
  int port = 80;
  std::string path = "/";
};
// On failure returns false with one line in `error`.
bool ParseHttpUrl(std::string_view text, HttpUrl* url, std::string* error);

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_HTTP_HTTP_JSON_H_
