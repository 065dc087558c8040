#include "runner/json_fields.h"

namespace resprobe::runner {

std::string TextField(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : "";
}

double NumberField(const Json& json, const char* key, double otherwise) {
  const auto at = json.find(key);
  return at != json.end() && at->is_number() ? at->get<double>() : otherwise;
}

bool BoolField(const Json& json, const char* key, bool otherwise) {
  const auto at = json.find(key);
  return at != json.end() && at->is_boolean() ? at->get<bool>() : otherwise;
}

std::optional<uint64_t> UintField(const Json& json, const char* key) {
  const auto at = json.find(key);
  if (at == json.end() || !at->is_number_unsigned()) return std::nullopt;
  return at->get<uint64_t>();
}

Json ListField(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_array() ? *at : Json::array();
}

Json ObjectField(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_object() ? *at : Json::object();
}

std::vector<std::string> TextsField(const Json& json, const char* key) {
  std::vector<std::string> texts;
  for (const Json& one : ListField(json, key)) {
    if (one.is_string()) texts.push_back(one.get<std::string>());
  }
  return texts;
}

}  // namespace resprobe::runner
