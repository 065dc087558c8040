#include "cachelab/http/http_json.h"

#include "live/net/socket.h"

namespace resprobe::cachelab {

nlohmann::json ToHttpJson(const resp::ReplyView& reply) {
  switch (reply.type()) {
    case resp::Type::kNull:
      return nullptr;
    case resp::Type::kBoolean:
      return reply.boolean();
    case resp::Type::kInteger:
      return reply.integer();
    case resp::Type::kDouble:
      // As a number, if JSON can represent it.
      if (reply.real() - reply.real() == 0) return reply.real();
      return std::string(reply.text());
    case resp::Type::kMap: {
      nlohmann::json object = nlohmann::json::object();
      std::string name;
      bool value = false;
      for (const resp::ReplyView child : reply) {
        if (value) {
          object[name] = ToHttpJson(child);
        } else {
          name = child.is_aggregate() ? resp::ToText(child) : std::string(child.text());
        }
        value = !value;
      }
      return object;
    }
    case resp::Type::kArray:
    case resp::Type::kSet:
    case resp::Type::kPush:
    case resp::Type::kAttribute: {
      nlohmann::json array = nlohmann::json::array();
      for (const resp::ReplyView child : reply) array.push_back(ToHttpJson(child));
      return array;
    }
    default:
      return std::string(reply.text());
  }
}

std::string DumpHttpJson(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

bool ParseHttpUrl(std::string_view text, HttpUrl* url, std::string* error) {
  constexpr std::string_view kScheme = "http://";
  const auto fail = [&] {
    *error = "'" + std::string(text) +
             "' is not http://HOST:PORT/PATH, such as "
             "http://127.0.0.1:8080/cmd";
    return false;
  };
  if (!text.starts_with(kScheme)) return fail();
  const std::string_view rest = text.substr(kScheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  std::string authority(rest.substr(0, slash));
  if (slash < rest.size()) url->path = rest.substr(slash);
  if (authority.rfind(':') == std::string::npos || authority.ends_with(']')) authority += ":80";
  std::string ignored;
  const std::optional<live::Address> address = live::ParseAddress(authority, &ignored);
  if (!address) return fail();
  url->host = address->host;
  url->port = address->port;
  return true;
}

}  // namespace resprobe::cachelab
